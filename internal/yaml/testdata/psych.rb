# Reads YAML documents, a JSON array of texts, from standard input and prints
# how Ruby MCollective's yaml fact source would take each in: its value with
# every scalar and key turned into text, "syntax" if that is wrong, or null if it
# raises for another reason.
#
#   ruby psych.rb --golden   prints the golden table of the tests
require "json"
require "yaml"

def normalize(value)
  case value
  when Array then value.map { |v| normalize(v) }
  when Hash then value.to_h { |k, v| [k.to_s, normalize(v)] }
  else value.to_s
  end
end

def read(text)
  value = YAML.safe_load(text, permitted_classes: [Symbol], permitted_symbols: [], aliases: true)
  value = normalize(value)
  JSON.generate(value) # refuses what is not UTF-8
  { "value" => value }
rescue Psych::SyntaxError
  "syntax"
rescue Exception
  nil
end

SCALARS = %w[
  true True TRUE yes Yes YES on ON y Y t no No off n f false null Null NULL ~ ~x nulls
  1 -1 +1 0 00 01 017 -017 08 0o17 0x1f 0xFF -0x10 0xg 0b101 0b 0b_ 0b2 1_000 1,000 1__0 1_ 1,,0 12,34 100000000000000000000000
  1.0 1.10 1. .5 -.5 +.5 . -. +. 1.5e3 1.5e+3 1.5E-3 1e3 1.e+3 .e+3 1,000.5 1_0.5 1.0e+400 1.0e+15 1.0e+16 123456789012345678.0
  0.0001 0.00001 0.000123 -0.0 1.2.3 1.2.3.4 10.0.0.1 2.10.1 0.1 100.0 1e-5 1.0e-5 1_.5
  .inf -.inf +.inf .Inf .INF .nan .NaN .NAN inf nan
  :a :ab ::1 ::: :"a" :'a' :"a :1 : :: :a:b
  10:30 1:5 1:60 1:59 23:59:59 1:2:3:4 1:30.5 1:2:3.25 -1:30 +1:30 1_0:30 1__0:30 02:42:ac 00:00 1:2. 1:2:3_
  2020-01-01 2020-1-1 2020-13-01 2020-12-32 2020-00-00 20200-01-01 2020-01 2020-01-01T10:00:00Z 2020-01-01t10:00:00.5+02:00
  2020-01-01T10:00:00 2020-99-99T10:00:00Z 2020-01-01T1:00:00-5 2020-01-01T10:00 2020-01-01T10:00:00+0200 2020-01-01T10:00:00X
  -foo +foo =foo ?foo foo.bar @foo 1a a1 -1a +a ,a ,1 _1 /x/ <<  < = => a=b *x &x !x %x
  8.00GB 3.10.0-957 el7 x86_64 amd64 é 1é ü~ 日本 ½ ٣ 12%
]

DOCUMENTS = [
  "", "---\n", "--- ~\n", "---\n...\n", "# nothing\n", "a", "a: 1\n---\nb: 2\n", "[1, 2.50, yes]", "- 1\n- [a, ~]\n",
  "a: 2020-01-01 10:00:00\n", "a: 2020-01-01 10:00:00 +2\n", "a: 2020-01-01  10:00:00 Z\n",
  "a: '1.10'\nb: \"yes\"\nc: |\n  12\nd: >\n  null\n", "a: 1\na: 2\n", "1: a\n'1': b\n", "yes: no\n", "~: x\n", "1.10: v\n", ":a: :b\n",
  "a: &x {b: 1}\nc: *x\n", "a: &x 1\n*x : 2\n", "base: &b {x: 1, y: 2}\nd: {<<: *b, y: 3}\n", "base: &b {x: 1, y: 2}\nd: {y: 3, <<: *b}\n",
  "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}\n", "a: {<<: 1}\n", "a: {<<: [1]}\n", "a: {'<<': {b: 1}}\n", "a: {!!str '<<': {b: 1}}\n",
  "a: !!str 12\n", "a: !str 12\n", "a: !!int '12'\n", "a: !!float 1\n", "a: !!float abc\n", "a: !!float '1.50'\n", "a: !!null x\n", "a: !!bool yes\n",
  "a: !foo 12\n", "a: !foo {b: 1}\n", "a: !foo [1]\n", "a: ! 12\n", "a: ! '12'\n", "a: !!binary aGk=\n", "a: !binary aGk\n", "a: !ruby/sym b\n", "a: !ruby/symbol b\n",
  "a: !ruby/object:Object {}\n", "a: !ruby/regexp /a/\n", "a: !ruby/range 1..2\n", "a: !ruby/class String\n", "a: !ruby/string b\n", "a: !!set {a: ~}\n",
  "a: !!omap [a: 1]\n", "a: !ruby/struct:X {a: 1}\n", "a: !!map {b: 1}\n", "a: !!seq [1]\n", "a: !!timestamp 2020-01-01\n", "a: !!timestamp '2020-01-01'\n",
  "a: b\n  c\n", "a: b\n\n  c\n", "a:\n", "a: \"\\x41\\n\"\n", "a: 'it''s'\n", "a: [\n", "a: b: c\n", "\ta: 1\n", "a: \"x\n", "a: @x\n", "? [a]\n: b\n" , "a: 1 # c\n", "a: 1#c\n",
  "{a: 1, b: [x, y], c: {d: e}}", "a: [1, [2, [3]]]\n", "%YAML 1.1\n---\na: 1\n", "%YAML 1.2\n---\na: yes\n", "a: é\n", "a: |\n  x\n  y\n", "a: >-\n  x\n  y\n", "\u{feff}a: 1\n", "a: \"\\u00e9\"\n",
  "os:\n  name: Debian\n  release: {full: 12.10, major: 12}\nuptime: 10:30\n",
]

if ARGV == ["--golden"]
  docs = SCALARS.map { |s| "a: #{s}\n" } + SCALARS.map { |s| "{? #{s}\n: 1}" } + DOCUMENTS
  puts "["
  puts docs.uniq.map { |d| JSON.generate([d, read(d)]) }.join(",\n")
  puts "]"
else
  JSON.parse($stdin.read).each { |d| puts JSON.generate(read(d)) }
end
