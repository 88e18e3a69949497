require "socket"

body = "THE-ANSWER"
server = TCPServer.new("0.0.0.0", ENV.fetch("PORT").to_i)
Signal.trap("TERM") { exit }
loop do
  client = server.accept
  client.write "HTTP/1.1 200 OK\r\nContent-Length: #{body.length}\r\nConnection: close\r\n\r\n#{body}" rescue nil
  client.close
end
