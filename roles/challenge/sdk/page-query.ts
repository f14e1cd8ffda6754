import { t } from "elysia";

/**
 * How many rows a page has: 1 to 100. As text of a form, because bounds of Elysia's numeric query types are not held
 * to in a minified executable.
 */
export const PageRows = t.String({
  pattern: "^([1-9][0-9]?|100)$",
  default: "50",
  description: "rows of a page, 1 to 100",
});
