import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** What a folder must not import: pages use components, hooks, api and live; nothing uses pages but the router. */
const forbid = (files, folders) => ({
  files,
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: folders.map((folder) => ({ group: [`**/${folder}/*`], message: `not from here: ${folder}/` })) },
    ],
  },
});

export default tseslint.config(
  { ignores: ["dist", "node_modules", "public", "src/api/schema.gen.ts"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  reactHooks.configs.flat.recommended,
  {
    rules: {
      "max-lines": ["error", { max: 200, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Text is rendered as text." },
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
        { selector: "ExportAllDeclaration", message: "No barrels." },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
    },
  },
  forbid(["src/lib/**"], ["api", "live", "hooks", "components", "pages"]),
  forbid(["src/api/**"], ["live", "hooks", "components", "pages"]),
  forbid(["src/live/**", "src/hooks/**"], ["components", "pages"]),
  forbid(["src/components/**"], ["live", "pages"]),
  { files: ["*.config.{js,ts}"], rules: { "no-restricted-syntax": "off" } },
  { files: ["budget.js"], languageOptions: { globals: { console: "readonly", process: "readonly", URL: "readonly" } } },
  { files: ["**/*.js"], ...tseslint.configs.disableTypeChecked },
  { files: ["src/test/**", "**/*.test.{ts,tsx}"], rules: { "max-lines": ["error", 400], "no-restricted-imports": "off" } },
);
