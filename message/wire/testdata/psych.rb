# Writes N random values, each as "YAML MARSHAL" in Base64, and after each reads
# one line, YAML in Base64, that has to be the same value again.
require "yaml"
require "base64"

R = Random.new(7)
WORDS = %w[yes No ON true null ~ y n 0 1 -1 017 089 0x1f 1_000 1,000 1.5 1e5 1.5e3 1:30 1:30:15 2020-01-01 2020-02-31 << = - -- --- ... . .. .inf .nan : :: :a :a:b a:b a::b # a#b !x &x *x ? | > % @ ` ' " { } [ ] , \\ =~ == != / /x/ country os-name 4.2.1 10.0.0.1 fe80::1 1.]
PIECES = ["a", "B", "ü", "日", "1", "0", ".", ":", " ", "  ", "\n", "\t", "'", "\"", "\\", "#", "-", "?", "!", "&", "*", "%", "@", "`", ",", "[", "]", "{", "}", "|", ">", "=", "~", "<", "\u0085", "\u2028", "\u00a0", "\e", "\0", "\x7f", "😀", "word word word word word word word word word word word word word word "]

def text
  case R.rand(4)
  when 0 then WORDS.sample(random: R).dup
  when 1 then ""
  else Array.new(R.rand(8)) { PIECES.sample(random: R) }.join
  end
end

def scalar
  case R.rand(14)
  when 0 then nil
  when 1 then true
  when 2 then false
  when 3 then R.rand(200) - 100
  when 4 then R.rand(2**80) - 2**79
  when 5 then R.rand * 10**R.rand(40) / 10**R.rand(40)
  when 6 then %i[a sym with_underscore process_results x?].sample(random: R)
  when 7 then :"#{text.delete("\r")}x y"
  when 8 then R.bytes(R.rand(6)) + "\xff".b
  when 9 then Regexp.new(%w[^a.*b$ x [[:alpha:]]+ \\d \\/ /].sample(random: R), R.rand(8))
  else text
  end
end

def value(depth)
  case depth > 4 ? 9 : R.rand(8)
  when 0 then Array.new(R.rand(5)) { value(depth + 1) }
  when 1, 2 then Array.new(R.rand(5)) { [R.rand(3) == 0 ? text : %i[a b c d e].sample(random: R), value(depth + 1)] }.to_h
  else scalar
  end
end

STDOUT.sync = true
ARGV[0].to_i.times do
  v = value(0)
  yaml = YAML.dump(v)
  # What Psych cannot read itself is nothing to compare with.
  back = begin YAML.safe_load(yaml, permitted_classes: [Symbol, Regexp]) rescue :broken end
  if Marshal.dump(back) != Marshal.dump(v) || yaml.include?("\r")
    redo
  end
  puts "#{Base64.strict_encode64(yaml)} #{Base64.strict_encode64(Marshal.dump(v))}"
  ours = YAML.safe_load(Base64.decode64(STDIN.gets).force_encoding("UTF-8"), permitted_classes: [Symbol, Regexp])
  puts(Marshal.dump(ours) == Marshal.dump(v) ? "same" : "#{ours.inspect} instead of #{v.inspect}".gsub("\n", " "))
end
