#!/usr/bin/env ruby
require_relative "mco"

def accounts
  File.readlines("/etc/passwd", :encoding => "UTF-8").map { |line| line.chomp.split(":", -1) }.select { |f| f.size == 7 }
end

Mco.serve(
  "show" => lambda do |req|
    _, _, uid, gid, _, home, shell = accounts.find { |f| f[0] == req.data["user"] }
    uid or raise Mco::Failure.new("no account #{req.data["user"]}")
    { "uid" => uid.to_i, "gid" => gid.to_i, "home" => home, "shell" => shell }
  end,
  "list" => lambda do |req|
    names = accounts.select { |f| f[2].to_i.between?(req.data["min_uid"], req.data["max_uid"]) }.map(&:first)
    { "count" => names.size, "accounts" => names }
  end
)
