import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, sep } from "node:path";
import { defineConfig, type Plugin } from "vite";

const BUDGET = 300 * 1024; // bytes of everything that is shipped

export default defineConfig({
  base: "./", // the page may be mounted anywhere
  build: {
    assetsDir: "assets",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    target: ["chrome123", "firefox121", "safari17.5"],
    rollupOptions: {
      output: {
        entryFileNames: "assets/app.js",
        assetFileNames: "assets/[name][extname]",
        codeSplitting: false,
      },
    },
  },
  plugins: [licences(), budget()],
});

/** The licences of what is bundled ask that their text goes with it. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle() {
      const folders = new Set<string>();
      for (const id of this.getModuleIds()) {
        const found = /^.*node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id.replace("\0", ""));
        if (found) folders.add(found[0]);
      }
      const texts = [...folders].map(licence).sort();
      this.emitFile({
        type: "asset",
        fileName: "assets/licenses.txt",
        source: texts.join("\n" + "-".repeat(72) + "\n\n"),
      });
    },
  };
}

function licence(folder: string): string {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (!file || !existsSync(join(folder, file))) throw new Error(`${folder} has no licence file`);
  const name = folder.split(/node_modules[\\/]/).pop()!.split(sep).join("/");
  return `${name} ${about.version} (${about.license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}

function budget(): Plugin {
  return {
    name: "budget",
    writeBundle(_, bundle) {
      let size = 0;
      for (const part of Object.values(bundle))
        size += Buffer.byteLength(part.type === "chunk" ? part.code : part.source);
      if (size > BUDGET) throw new Error(`the assets are ${size} bytes; at most ${BUDGET}`);
    },
  };
}
