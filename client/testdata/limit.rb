# Makes limit.txt: what MCollective picks at random with a seed, in its own words.
#
#   ruby limit.rb > limit.txt
require "mcollective"

class Picker < MCollective::RPC::Client
  attr_reader :discover

  def initialize(nodes, seed)
    @discover = nodes
    @limit_method = :random
    @limit_seed = seed
  end
end

puts "# seed, number of nodes (named 1, 2, ...), limit: who is picked"
seeds = [0, 1, 2, 5, 42, 99, 12345, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**33, 2**40 + 7, 2**63, 2**64 - 1]
seeds += Array.new(25) { |i| (i + 3)**(i + 2) % 2**(8 + 2 * i) }
sizes = [[1, "1"], [2, "1"], [10, "3"], [10, "33%"], [17, "5"], [64, "7"], [65, "7"], [100, "12%"], [257, "4"], [1000, "1%"], [5000, "9"]]
seeds.each do |seed|
  sizes.each do |n, limit|
    next if n > 300 && seed.odd?

    puts "#{seed} #{n} #{limit}: #{Picker.new((1..n).map(&:to_s), seed).pick_nodes_from_discovered(limit).join(' ')}"
  end
end
