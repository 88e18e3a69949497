// Builds the console into dist/. The API sets the page's base URL, so the URLs in the page are relative.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { precompress } from "./build/precompress.ts";

export default defineConfig({
  base: "./",
  plugins: [react(), precompress()],
  build: {
    target: "es2023",
    // The page has no inline script. The polyfill for preloaded modules would be part of the entry, and browsers do not need it.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
  },
});
