import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    // What is bundled asks to be named.
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      // The page, and the component under a name that other pages can count on.
      input: { page: "index.html", "id-bellen": "src/id-bellen.ts" },
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js", assetFileNames: "[name]-[hash][extname]" },
    },
  },
});
