module MCollective
  class Agent::Broken < RPC::Agent
    action "try" do
