// Serves what the build script made.
import { createServer } from "node:http";
import sirv from "sirv";

const server = createServer(sirv("dist"));
server.listen(Number(process.env.PORT ?? 3000), "0.0.0.0");
process.on("SIGTERM", () => server.close());
