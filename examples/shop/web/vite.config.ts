import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";

import { defineConfig, type Plugin } from "vite";

const PYTHON = "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [stamp()],
  // bgtasks-client is a link to the sources of this repository: it shall find our React.
  resolve: { preserveSymlinks: true },
  build: {
    outDir: "../static",
    emptyOutDir: true,
    modulePreload: false,
    rollupOptions: {
      output: {
        entryFileNames: "assets/app.js",
        assetFileNames: "assets/[name][extname]",
        comments: { legal: true }, // the licences of what is bundled ask that they go with it
      },
    },
  },
  // `npm run dev` serves the page; all else comes from the application.
  server: {
    proxy: {
      "/api": PYTHON,
      "/background-tasks": { target: PYTHON, ws: true },
    },
  },
});

/** Leaves a hash of the sources beside what was built of them: a test compares it. */
function stamp(): Plugin {
  return {
    name: "stamp",
    generateBundle() {
      const hash = createHash("sha256");
      for (const name of readdirSync("src").sort()) hash.update(readFileSync(`src/${name}`));
      hash.update(readFileSync("index.html"));
      this.emitFile({ type: "asset", fileName: "sources.txt", source: hash.digest("hex") });
    },
  };
}
