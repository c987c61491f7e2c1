# Times Ruby's Marshal for bench_test.go. A request is a line: load or dump, and
# the file with a dump. The answer is the nanoseconds of processor time per call,
# the best of several rounds.
$stdout.sync = true

def round(count, &call)
  start = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
  i = 0
  while i < count
    call.call
    i += 1
  end
  (Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - start) / count * 1e9
end

while (line = $stdin.gets)
  operation, file = line.split(" ", 2)
  bytes = File.binread(file.chomp)
  value = Marshal.load(bytes)
  call = operation == "load" ? -> { Marshal.load(bytes) } : -> { Marshal.dump(value) }
  count = (200_000_000 / round(2000, &call)).ceil
  puts 5.times.map { round(count, &call) }.min
end
