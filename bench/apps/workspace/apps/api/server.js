// Answers with one text, which the benchmark replaces.
require("dotenv").config({ quiet: true });
const compression = require("compression");
const express = require("express");
const helmet = require("helmet");
const textOf = require("@bench/text");

const answer = "THE-ANSWER";

const app = express();
app.disable("x-powered-by");
app.use(helmet(), compression());
app.get("/", (request, response) => response.type("text").send(textOf(answer)));

const server = app.listen(Number(process.env.PORT ?? 3000), "0.0.0.0");
process.on("SIGTERM", () => server.close());
