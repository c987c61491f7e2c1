STDERR.puts "this is the end"
exit!(3)
