class MCollective::Agent::Undefined < MCollective::RPC::Agent
end
