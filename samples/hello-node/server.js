// Answers every request with a greeting and how long this process has been up.
const { createServer } = require("node:http");
const ms = require("ms");

const port = Number(process.env.PORT ?? 3000);
const startedAt = Date.now();

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(`Hello from ${process.env.APP ?? "hello-node"}, built and launched by Slipway!
Node ${process.versions.node}, up for ${ms(Date.now() - startedAt, { long: true })}.
`);
});

server.listen(port, "0.0.0.0", () => console.log(`hello-node listens on port ${port}`));

// on SIGTERM the process completes pending requests, then ends
process.on("SIGTERM", () => server.close());
