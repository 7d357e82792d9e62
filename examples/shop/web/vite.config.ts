import { defineConfig } from "vite";

const PYTHON = "http://127.0.0.1:8000";

export default defineConfig({
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
