/** Import boundaries (architecture §1: a role imports from shared/ and its own folder, never from another role). */
const role = "^roles/([^/]+)/";
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true, dependencyTypesNot: ["type-only"] } },
    {
      name: "roles-stay-apart",
      severity: "error",
      from: { path: role },
      to: { path: "^roles/", pathNot: "^roles/$1/" },
    },
    {
      name: "shared-knows-no-role",
      severity: "error",
      from: { path: "^shared/" },
      to: { path: "^(roles|deploy|test)/" },
    },
    {
      name: "roles-know-no-test-or-deploy",
      severity: "error",
      from: { path: "^roles/" },
      to: { path: "^(deploy|test)/" },
    },
    {
      name: "schemas-import-nothing-of-ours",
      severity: "error",
      from: { path: "^shared/schemas/" },
      to: { path: "^(shared/(?!schemas/)|roles/)" },
    },
    {
      name: "pure-parts-do-no-io",
      severity: "error",
      from: { path: "^shared/(weights|archive)/|-spec\\.ts$", pathNot: "^test/" },
      to: { path: "^(node:)?(fs|net|http|https|dgram|child_process|os|timers|worker_threads)(/|$)" },
    },
    { name: "not-to-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: "^bun(:|$)" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|\\.bun|\\.cache)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["bun", "import", "types", "default"],
      extensions: [".ts", ".tsx", ".js", ".json"],
    },
  },
};
