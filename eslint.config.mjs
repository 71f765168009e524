// What the pages may use: the language of 2022, styles that every browser has had since 2022, and no interface that the
// browsers named in package.json lack. A booth's PC may run the last browser that its system got.
import css from "@eslint/css";
import compat from "eslint-plugin-compat";
import newer from "eslint-plugin-es-x";

const BROWSER = ["AbortController", "CustomEvent", "Element", "FormData", "URL", "clearTimeout", "console", "document",
  "fetch", "indexedDB", "navigator", "performance", "window", "caches", "clients", "self", "crypto", "Request", "Response",
  "DOMParser", "TextEncoder", "TextDecoder", "URLSearchParams"];

export default [
  {
    files: ["**/*.js"],
    plugins: { compat, "es-x": newer },
    languageOptions: {
      ecmaVersion: 2022,
      sourceType: "script",
      globals: Object.fromEntries(BROWSER.map((name) => [name, "readonly"])),
    },
    rules: {
      ...newer.configs["flat/restrict-to-es2022"].rules,
      "compat/compat": "error",
      "no-undef": "error",
      "no-unused-vars": ["error", { caughtErrors: "none" }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "eqeqeq": "error",
      "strict": ["error", "global"],
    },
  },
  {
    files: ["**/*.css"],
    plugins: { css },
    language: "css/css",
    rules: {
      "css/no-invalid-properties": ["error", { allowUnknownVariables: true }],
      "css/no-duplicate-imports": "error",
      "css/no-invalid-at-rules": "error",
      "css/use-baseline": ["error", {
        available: 2022,
        allowProperties: [
          "text-size-adjust", "resize", "print-color-adjust", "forced-color-adjust", "outline", "accent-color", "clip-path", "break-after",
        ],
        allowAtRules: ["page"], // of print alone, as break-after is
        allowMediaConditions: ["forced-colors"],
      }],
    },
  },
];
