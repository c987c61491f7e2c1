# literals
1_000 + 0x1f + 0b11 + 0o17 + 017
-3 ** 2 + 1
1.5e3 / 7
-7 / 2
-7 % 3
[1, -1, +2, ~3, 2 ** 10]
"a\tb\n\e\x41\u00e9\u{1F600 41}\101\s\0"
'it''s' "fine" ' too'
'a\nb\'c\\d'
"#{1 + 1} and #{"nested #{:sym}"}"
"#notcode \#{x} # not"
%q(one (two) three)
%Q[a#{1}b]
%{x #{2} {y}}
%w(a b\ c (d) #{e})
%W(a#{1}b c)
%i[a b]
%I[a#{1} b]
:"quoted sym"
:'q'
[:a?, :b!, :c=, :[], :+, :<=>, :"a b"]
?a + ?b
/a\/b#{1}/i
%r{a/b}mx
/[\w\-\.]+\s#{"x"}$/
<<X + "tail"
one
  two #{1 + 2}
X
<<-X.upcase
  keeps
  X
<<~X
    four
      six #{:x}

    four
  X
<<~'X'
  raw #{1} \n
X
[<<A, <<B].map { |s| s.strip }
first
A
second
B
{:a => 1, "b" => 2, c: 3, "d e": 4, 5 => nil, nil => [1], 1.5 => :x}
{a: 1, **{b: 2}}
[*1..3, *"a".."c", *nil, *[4]]
(1..10).to_a.select(&:even?)
("a".."e").to_a
(1...4).to_a.inspect + (1..2).to_s
[1, 2,
 3,]
# operators
1 <=> 2
[1 == 1.0, 1.eql?(1), "a" == :a, nil == false, [1, [2]] == [1, [2]], {a: 1} == {a: 1}]
nil || "default"
(false or nil and true).inspect
not true
!nil && !!1
1 > 2 ? "yes" : "no"
true ? false ? 1 : 2 : 3
1 if false
5 unless false
x = 3; x += 2; x *= 3; x -= 1; x
x = nil; x ||= 7; x &&= x + 1; x
a, b = 1, 2; [b, a]
a, *b = 1, 2, 3; [a, b]
*a, b = [1, 2, 3]; [a, b]
a = b = 4; a + b
a = 1, 2; a
h = {}; h[:x] ||= []; h[:x] << 1; h[:x] += [2]; h
"abc" =~ /c/
"abc" !~ /x/
"%s-%05.2f-%-5s|%+d|%x|%%|%3d|%p" % ["a", 3.14159, "b", 5, 255, 7, nil]
"%<a>d %{b}" % {a: 1, b: 2}
format("%08b %o %e %g", 5, 8, 12345.678, 0.0001)
1 << 4 | 3 & 1 ^ 2
# control
if 1 > 2 then :a elsif 2 > 1 then :b else :c end
unless true then 1 else 2 end
case "x" when "a", "x" then 1 else 2 end
case 5 when 1..3 then :low when 4..6 then :mid end
case "abc" when /^a/ then :re end
case 1 when String then :s when Integer then :i end
case when false then 1 when true then 2 end
case :b when *[:a, :b] then 1 end
i = 0; while i < 5 do i += 1; next if i == 2; break if i == 4; end; i
i = 0; i += 1 until i == 3; i
r = []; for a, b in [[1, 2], [3, 4]] do r << a + b end; r
begin; 1; 2; end
(1; 2)
[1, 2, 3].each { |v| break v * 10 if v == 2 }
[1, 2, 3].map { |v| next 0 if v == 2; v }
def twice(x, y = 2, *z) x * y + z.length end; [twice(2), twice(2, 3), twice(2, 3, 4, 5)]
def early(x) return :neg if x < 0; :pos end; [early(-1), early(1)]
def fact(n) n < 2 ? 1 : n * fact(n - 1) end; fact(10)
defined?(nope).inspect + defined?(String) + defined?(x = 1)
# strings
"hello".capitalize + "ABC".downcase + "abc".upcase + "aBc".swapcase
"  x ".strip + "|" + "  x ".lstrip + "|" + "  x ".rstrip + "|"
"a,b,,c,,".split(",")
" a  b c ".split
"abc".split("")
"a1b22c".split(/\d+/)
"a,b,c".split(",", 2)
["hello"[0], "hello"[-2], "hello"[1, 3], "hello"[1..-2], "hello"[1...-1], "hello"[9], "hello"[5, 2], "hello"["ell"], "hello"[/l+/]]
"stop".sub(/p$/, 'pp') + "ing"
"hello".gsub("l", "L") + "hello".gsub(/[eo]/) { |m| m.upcase } + "hello".gsub(/(l)(l)/, '<\2\1\0>')
"hello".tr("el", "ip") + "hello".tr("a-y", "b-z") + "hello".delete("l") + "aabb".squeeze
["ab" * 3, "x" + "y", "abc".include?("b"), "abc".start_with?("a", "z"), "abc".end_with?("c"), "abc".index("c")]
["12abc".to_i, "0x1f".hex, "3.7xyz".to_f, "".to_i, "1_000".to_i, "-5".to_i, "ff".to_i(16), "1e3".to_f]
["a".center(5, "*"), "a".ljust(3) + "|", "a".rjust(3), "abc".reverse, "abc".chop, "abc\n".chomp, "héllo".length, "héllo".bytesize]
s = "a"; t = s; t << "b"; s
s = "abc"; s.upcase!; s
"a-b_c".to_sym.inspect + :abc.to_s.capitalize + :a.inspect + "x".to_sym.to_s
"a\"b\#{c}\u0001é".inspect
"ab".each_char.to_a.inspect if false
"a\nb\n".lines
"abc".chars
"abc".match?(/b/)
["a".empty?, "".empty?, "a".ord, 97.chr, "a" <=> "b", "abc".delete_prefix("a"), "abc".delete_suffix("c")]
# arrays
[3, 1, 2].sort.reverse + [3, 1].min.to_s.chars
[[1, [2, [3]]].flatten, [1, [2, [3]]].flatten(1), [1, nil, 2].compact, [1, 1, 2].uniq]
[1, 2, 3, 4].partition { |v| v.odd? }
[1, 2, 3].inject { |a, b| a + b } + [1, 2].reduce(10, :+) + [1, 2].sum
%w(a b c).each_with_index.to_a.inspect if false
r = []; %w(a b).each_with_index { |v, i| r << "#{i}#{v}" }; r
[[1, :a], [2, :b]].each_with_object({}) { |(n, s), h| h[s] = n }
[[1, [2, 3]]].map { |a, (b, c)| a + b + c }
[1, 2, 3].first(2) + [1, 2, 3].last(2) + [[1, 2].first, [1, 2].last, [].first]
[1, 2, 3].zip([4, 5, 6], [7])
%w(apple fig kiwi).sort_by { |w| w.length }.map(&:upcase).join(", ")
%w(apple fig kiwi).group_by(&:length)
[[1, 2] + [3], [1, 2, 2] - [2], [1, 2] & [2, 3], [1, 2] | [2, 3], [1] * 3, [1, 2] * ","]
a = [1, 2, 3]; a << 4; a.push(5, 6); a.unshift(0); a.pop; a.shift; a.delete(3); a
a = [1]; a[3] = 4; a
[1, 2, 3, 4, 5][1..3] + [1, 2, 3][-2, 2] + [[1, 2][5]]
[[1, 2, 3].include?(2), [].empty?, [1, 2].any? { |v| v > 1 }, [1, 2].all? { |v| v > 1 }, [nil].any?, [1, 2].none?, [1, 1, 2].count(1)]
r = []; [1, 2, 3, 4, 5].each_slice(2) { |s| r << s }; r
[1, 2, 3].find { |v| v > 1 }.to_s + [1, 2].index(2).to_s
[1, 2, 3].each_with_index.map { |v, i| v * i } if false
[1, [nil, true, :a, "b", 1.0, {x: 1}]].to_s
[3, 1, 2].max.to_s + [3, 1, 2].sort { |a, b| b <=> a }.inspect + %w(aa b).min_by(&:size)
[1, 2, 3].reject(&:odd?) + [1, 2].flat_map { |v| [v, v] } + [[1, 2], [3]].map(&:size)
# hashes
h = {b: 1, a: 2}; [h.keys, h.values, h.length, h.key?(:a), h.fetch(:b), h.fetch(:z, 0), h[:z], h.key(2), h.invert]
{a: 1}.merge({b: 2}, {a: 3})
{a: 1}.merge(a: 2) { |k, x, y| x + y }
{a: 1, b: 2}.map { |k, v| "#{k}=#{v}" }.join("&")
r = []; {a: 1, b: 2}.each_pair { |k, v| r << k << v }; r
r = []; {a: 1}.each { |pair| r << pair }; r
{a: 1, b: 2}.select { |k, v| v > 1 }.merge({a: 1, b: 2}.reject { |k, v| v > 1 })
{b: 1, a: 2}.sort.inspect + {b: 1, a: 2}.sort_by { |k, v| v }.inspect + {b: 1, a: 2}.min_by { |k, v| v }.inspect
{a: 1}.to_a + [[:b, 2]].to_h.to_a + {a: 1}.transform_values { |v| v + 1 }.to_a
h = {a: 1}; h.delete(:a); h.store(:c, 3); h["d"] = 4; h
{a: {b: [1, 2]}}.dig(:a, :b, 1)
{a: 1, b: nil}.compact.merge({a: 1, b: 2}.slice(:b)).any? { |k, v| v == 2 }
{1 => :i, 1.0 => :f, "1" => :s, :"1" => :y}[1.0]
{[1, 2] => :arr}[[1, 2]]
Hash[[[:a, 1]]]
# numbers
[7 / 2, -7 / 2, 7 % -3, 7.0 / 2, 2 ** 0.5, 10.0, 1e20, 1e16, 123456789012345.0, 1.0e-5, 0.1 + 0.2]
[3.7.to_i, 3.7.round, 3.2.ceil, 3.7.floor, -3.7.truncate, 3.14159.round(2), 5.to_f, 255.to_s(16), -5.abs, 5.succ, 5.pred]
r = []; 3.times { |i| r << i }; 1.upto(3) { |i| r << i }; 3.downto(1) { |i| r << i }; 1.step(7, 3) { |i| r << i }; r
[4.even?, 3.odd?, 0.zero?, 1.between?(0, 2), 5.is_a?(Integer), 5.5.is_a?(Numeric), "a".is_a?(String), nil.nil?, 1.class, nil.to_a, nil.to_s, nil.inspect]
[Integer("42"), Float("1.5"), String(5), Array(nil), Array([1]), Array(1..2)]
1.5.to_s + 100.0.to_s + 1e100.to_s + -0.5.to_s
# calls
[1, 2, 3]
  .map { |v| v * 2 } # a comment
  # another
  .select { |v| v > 2 }
"abc"&.upcase.to_s + nil&.upcase.to_s
[1, 2].map do |v| v + 1 end
(1..3).each_with_object([]) { |v, a| a << v }
[1, 2, 3].map { |v;w| w = v; w }
Regexp.new("a.b", true).source + Regexp.escape("a.b*c d-e") + Regexp.union("a.b", /c/i).source
Regexp.new("ab", Regexp::IGNORECASE)
%w(a b).freeze.map(&:to_sym)
x = [1]
x [0]
@iv = 3; @iv + 1
NAMES = %w(a b); NAMES.join
