// /docs: Swagger UI for the API's OpenAPI description.

import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import { contentSecurityPolicy } from "helmet";

/** The files of Swagger UI's package that are served. */
const assets = new Set(["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"]);
const assetFolder = fileURLToPath(new URL(".", import.meta.resolve("swagger-ui-dist/package.json")));

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Slipway API</title>
    <link rel="icon" href="docs/favicon-32x32.png" />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <div id="api"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

/** The page has no inline scripts; Swagger UI uses inline styles and data: images. */
const pageHeaders = contentSecurityPolicy({
  useDefaults: false,
  directives: {
    "default-src": ["'none'"],
    "base-uri": ["'none'"],
    "connect-src": ["'self'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'none'"],
    "img-src": ["'self'", "data:"],
    "script-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],
  },
});

/** Serves the page and Swagger UI's files. */
export function docsPage(apiUrl: string): Router {
  const settings = {
    url: `${new URL(apiUrl).pathname.replace(/\/$/, "")}/v1/openapi.json`,
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "list",
    // By default Swagger UI sends the URL to validator.swagger.io.
    validatorUrl: null,
  };
  const router = Router({ strict: true });
  router.use(pageHeaders);
  router.get("/", (_request, response) => void response.type("html").send(page));
  router.get("/start.js", (_request, response) => {
    response.type("js").send(`SwaggerUIBundle(${JSON.stringify(settings)});\n`);
  });
  const files = express.static(assetFolder, { index: false, redirect: false, maxAge: "1h" });
  router.get("/:file", (request, response, next) => {
    if (assets.has(request.params.file)) files(request, response, next);
    else next();
  });
  return router;
}
