# The other half of diff_test.go: a Ruby that makes random values and loads what
# Go wrote. It talks in batches on its standard input and output:
#
#   batch   number of items (4 bytes, big-endian), items
#   item    length (4 bytes), that many bytes; the first is an operation or a status
#
# Operations:
#   G seed   dump of a random value made from the seed
#   P seed   the same without objects, classes, instance variables and cycles
#   L bytes  Marshal.load, then the Marshal.dump of that
# Statuses: + followed by a dump, - followed by the class and text of an exception.

require "set"
require "bigdecimal"
require "date"

# A runaway load must not take the machine along.
Process.setrlimit(:AS, 4 << 30)
Process.setrlimit(:CPU, 7200)
$VERBOSE = nil

InteropPoint = Struct.new(:x, :y)
InteropKeyword = Struct.new(:a, :größe, keyword_init: true)

class InteropUser
  attr_accessor :name, :age
end

class InteropDump
  def initialize(s) = @s = s
  def _dump(_level) = @s
  def self._load(s) = new(s)
end

class InteropMarshal
  def initialize(v) = @v = v
  def marshal_dump = [@v]
  def marshal_load(a) = @v = a[0]
end

class InteropData < Thread::Mutex # any class whose instances belong to C
  attr_accessor :v
  def _dump_data = [@v]
  def _load_data(a) = @v = a[0]
end

module InteropMixin; end
module InteropOther; end
module InteropOuter; class Inner; end; end
class InteropString < String; end
class InteropArray < Array; end
class InteropHash < Hash; end
class InteropRegexp < Regexp; end

def keyword_hash(*args) = args.last
Object.send(:ruby2_keywords, :keyword_hash)

class Maker
  WORDS = %w[agent rpcutil a b fact E encoding x y @hash größe 世界 K zone].freeze
  NAMES = %i[@a @b @größe @self @note @c1 @c2].freeze
  ENCODINGS = %w[ISO-8859-1 UTF-16LE UTF-16BE Shift_JIS EUC-JP Windows-1252 UTF-32LE GB18030 IBM437 ISO-2022-JP UTF-7 IBM037 EUC-KR].freeze
  PLAIN = %i[nil bool int big float text usascii binary word symbol array hash regexp other].freeze
  ODD = %i[encoded_symbol default identity keywords klass modul struct keyword object dump marshal data time range
           rational complex decimal set exception extended sub_string sub_array sub_hash sub_regexp tagged
           tagged_array tagged_hash changed_key date].freeze

  def initialize(seed, plain)
    @r = Random.new(seed)
    @kinds = plain ? PLAIN : PLAIN * 3 + ODD
    @plain = plain
    @pool = []
    @open = []
  end

  def make(depth = 0)
    if !@pool.empty? && @r.rand(100) < 9
      return @pool[@r.rand(@pool.size)]
    end
    return @open[@r.rand(@open.size)] if !@plain && !@open.empty? && @r.rand(100) < 2
    kind = @kinds[@r.rand(@kinds.size)]
    kind = %i[int text word symbol float][@r.rand(5)] if depth > 5
    v = send(kind, depth + 1)
    @pool << v if @r.rand(3).zero?
    v
  end

  private

  def nil(_) = nil
  def bool(_) = @r.rand(2).zero?

  def int(_)
    bits = @r.rand(70)
    n = @r.rand(2**bits + 1) + @r.rand(3) - 1
    @r.rand(2).zero? ? n : -n
  end

  def big(_) = (@r.rand(2).zero? ? 1 : -1) * @r.rand(2**(60 + @r.rand(300)))

  def float(_)
    case @r.rand(6)
    when 0 then [@r.bytes(8)].first.unpack1("G")
    when 1 then @r.rand(10_000) / 100.0
    when 2 then @r.rand(1000).to_f * 10**@r.rand(20)
    when 3 then [0.0, -0.0, 1.0, Float::INFINITY, -Float::INFINITY, Float::NAN, Float::MIN, Float::MAX, 5e-324][@r.rand(9)]
    when 4 then @r.rand * 10.0**(@r.rand(40) - 20)
    else 2.0**(@r.rand(2000) - 1000)
    end
  end

  def characters(n) = Array.new(n) { [@r.rand(26) + 97, @r.rand(128), 0xe4, 0x4e16, 0x1f30d][@r.rand(5)] }.pack("U*")
  def size = [0, 1, 3, 8, 20, 122, 123, 130, 300][@r.rand(40) < 36 ? @r.rand(5) : @r.rand(9)]
  def text(_) = @r.rand(12).zero? ? @r.bytes(size).force_encoding("UTF-8") : characters(size)
  def usascii(_) = (+"ascii" * @r.rand(3)).force_encoding("US-ASCII")
  def binary(_) = @r.bytes(size)
  def word(_) = @r.rand(2).zero? ? WORDS[@r.rand(WORDS.size)] : WORDS[@r.rand(WORDS.size)].dup

  def other(_)
    @r.bytes(@r.rand(8)).force_encoding(ENCODINGS[@r.rand(ENCODINGS.size)])
  end

  def symbol(_) = @r.rand(4).zero? ? characters(1 + @r.rand(6)).to_sym : WORDS[@r.rand(WORDS.size)].to_sym

  def encoded_symbol(_)
    ["gr\xf6\xdfe".dup.force_encoding("ISO-8859-1"), "\xff\x01".b, "a".encode("UTF-16LE"), "日".encode("EUC-JP"), "äö".encode("Windows-1252"),
     "a".dup.force_encoding("ISO-2022-JP"), "x".dup.force_encoding("IBM037"), "y".dup.force_encoding("UTF-7")][@r.rand(8)].to_sym
  end

  def array(depth)
    fill([], depth)
  end

  def fill(a, depth)
    @open << a
    @r.rand([1, 4, 8][@r.rand(3)] + 1).times { a << make(depth) }
    @open.pop
    a
  end

  def hash(depth) = fill_hash({}, depth)

  def fill_hash(h, depth)
    @open << h
    @r.rand(7).times do
      key = @r.rand(3).zero? && !@plain ? make(depth) : send(%i[word word symbol symbol int text float][@r.rand(7)], depth)
      h[key] = make(depth)
    rescue FrozenError, NoMethodError, TypeError, ArgumentError
      next # a key that cannot be hashed
    end
    @open.pop
    h
  end

  def default(depth) = fill_hash(Hash.new(make(depth)), depth)

  def identity(depth)
    fill_hash((@r.rand(2).zero? ? {} : InteropHash.new).compare_by_identity, depth)
  end

  def keywords(depth) = keyword_hash(**{ a: make(depth), b: 1 })

  def regexp(_)
    source = ["^a.*z$", "/etc/.+", "größe", "x y # z", "\\d+\\n", ""][@r.rand(6)]
    options = @r.rand(8)
    options |= Regexp::FIXEDENCODING if @r.rand(4).zero?
    return Regexp.new("abc\xe9".dup.force_encoding("ISO-8859-1"), options) if !@plain && @r.rand(6).zero?
    return Regexp.new("abc", options & 7, "n") if @r.rand(6).zero?
    Regexp.new(source, options)
  end

  def klass(_) = [String, InteropUser, InteropOuter::Inner, Comparable.class, ArgumentError][@r.rand(5)]
  def modul(_) = [Comparable, InteropMixin, InteropOuter][@r.rand(3)]

  def struct(depth)
    s = InteropPoint.new
    @open << s
    s.x, s.y = make(depth), make(depth)
    s.instance_variable_set(:@note, make(depth)) if @r.rand(4).zero?
    s.extend(InteropMixin) if @r.rand(6).zero?
    @open.pop
    s
  end

  def keyword(depth) = InteropKeyword.new(a: make(depth), größe: make(depth))

  def object(depth)
    o = [InteropUser, InteropOuter::Inner][@r.rand(2)].new
    @open << o
    tag(o, depth)
    o.extend(InteropMixin) if @r.rand(6).zero?
    @open.pop
    o
  end

  def tag(o, depth)
    @r.rand(4).times { o.instance_variable_set(NAMES[@r.rand(NAMES.size)], make(depth)) }
    o
  end

  def dump(depth)
    s = send(%i[text binary other usascii][@r.rand(4)], depth).dup
    tag(s, depth) if @r.rand(3).zero?
    InteropDump.new(s)
  end

  def marshal(depth)
    o = InteropMarshal.allocate
    @open << o
    o.marshal_load([make(depth)])
    @open.pop
    o
  end

  def data(depth)
    o = InteropData.new
    o.v = make(depth)
    o
  end

  def time(_)
    t = Time.at(@r.rand(2**33) - 2**31, @r.rand(3).zero? ? 0 : @r.rand(10**9), :nsec)
    [t.utc, t.getlocal("+02:00"), t.getlocal][@r.rand(3)]
  end

  def date(_) = Date.new(1900 + @r.rand(200), 1 + @r.rand(12), 1 + @r.rand(28))
  def range(_) = @r.rand(2).zero? ? (@r.rand(9)..@r.rand(99)) : ("a"..."f")
  def rational(_) = Rational(@r.rand(2**40), 1 + @r.rand(99))
  def complex(_) = Complex(@r.rand(99), -@r.rand(99))
  def decimal(_) = BigDecimal(@r.rand(10**9)) / 1024
  def set(depth) = Set.new([make(depth), 1, :two].select { |v| v.is_a?(Symbol) || v.is_a?(Integer) })
  def exception(depth) = ArgumentError.new(text(depth))

  def extended(depth)
    o = [+"text", [make(depth)], { a: make(depth) }, InteropUser.new, InteropString.new("s")][@r.rand(5)]
    o.extend(InteropMixin)
    o.extend(InteropOther, Comparable) if @r.rand(2).zero?
    tag(o, depth) if @r.rand(3).zero?
    o
  end

  def sub_string(depth) = tag(InteropString.new(text(depth)), depth)
  def sub_array(depth) = tag(fill(InteropArray.new, depth), depth)
  def sub_regexp(_) = InteropRegexp.new("x+", @r.rand(8))

  def sub_hash(depth)
    h = fill_hash(InteropHash.new, depth)
    h.default = make(depth) if @r.rand(2).zero?
    tag(h, depth)
  end

  def tagged(depth) = tag(send(%i[text binary usascii other][@r.rand(4)], depth).dup, depth)
  def tagged_array(depth) = tag(fill([], depth), depth)
  def tagged_hash(depth) = tag(fill_hash({}, depth), depth)

  def changed_key(_) # a hash with two equal keys
    a, b = [1], [2]
    h = { a => 1, b => 2 }
    b[0] = 1
    h
  end
end

def answer(item)
  case item[0]
  when "G", "P"
    begin
      "+".b << Marshal.dump(Maker.new(item[1..].to_i, item[0] == "P").make)
    rescue SystemStackError, NoMethodError
      "+".b << Marshal.dump(nil) # a hash of a hash of itself and the like
    end
  when "L"
    "+".b << Marshal.dump(Marshal.load(item.byteslice(1..)))
  end
rescue Exception => e # rubocop:disable Lint/RescueException
  "-#{e.class}: #{e.message.to_s[0, 200]}".b
end

$stdin.binmode
$stdout.binmode
while (head = $stdin.read(4))
  n = head.unpack1("N")
  GC.enable
  GC.start if (batches = (batches || 0) + 1) % 16 == 0
  # Collecting in the middle of a load can make Ruby forget that it has a string
  # as a hash key already: the dump then has two objects where it had one.
  GC.disable
  items = Array.new(n) { $stdin.read($stdin.read(4).unpack1("N")) }
  out = [n].pack("N")
  items.each { |i| a = answer(i); out << [a.bytesize].pack("N") << a }
  $stdout.write(out)
  $stdout.flush
end
