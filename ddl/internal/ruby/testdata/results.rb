# What Ruby makes of the expressions on standard input, which are separated by NUL.
$stdin.binmode.read.force_encoding("UTF-8").split("\0").each do |src|
  puts Object.new.instance_eval("it = begin\n#{src}\nend\nit").inspect
end
