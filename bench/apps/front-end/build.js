// Renders src/page.md to dist/index.html, and takes 2 seconds for it, as bundlers do.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { marked } from "marked";

const html = marked.parse(await readFile("src/page.md", "utf8"));
await mkdir("dist", { recursive: true });
await setTimeout(2_000);
await writeFile("dist/index.html", `<!doctype html>\n<title>front end</title>\n${html}`);
