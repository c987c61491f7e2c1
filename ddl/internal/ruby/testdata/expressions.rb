# literals
1_000 + 0x1f + 0b11 + 0o17 + 017
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
[1, 2,
 3,]
nil || "default"
not true
!nil && !!1
1 > 2 ? "yes" : "no"
true ? false ? 1 : 2 : 3
1 if false
5 unless false
x = 3; x += 2; x *= 3; x -= 1; x
x = nil; x ||= 7; x &&= x + 1; x
a = b = 4; a + b
"abc" =~ /c/
"abc" !~ /x/
if 1 > 2 then :a elsif 2 > 1 then :b else :c end
unless true then 1 else 2 end
case "x" when "a", "x" then 1 else 2 end
case "abc" when /^a/ then :re end
case when false then 1 when true then 2 end
begin; 1; 2; end
(1; 2)
def fact(n) n < 2 ? 1 : n * fact(n - 1) end; fact(10)
"stop".sub(/p$/, 'pp') + "ing"
"ab".each_char.to_a.inspect if false
%w(a b c).each_with_index.to_a.inspect if false
[1, 2, 3].each_with_index.map { |v, i| v * i } if false
[1, [nil, true, :a, "b", 1.0, {x: 1}]].to_s
{1 => :i, 1.0 => :f, "1" => :s, :"1" => :y}[1.0]
{[1, 2] => :arr}[[1, 2]]
1.5.to_s + 100.0.to_s + 1e100.to_s + -0.5.to_s
[1, 2].map do |v| v + 1 end
NAMES = %w(a b); NAMES.join
