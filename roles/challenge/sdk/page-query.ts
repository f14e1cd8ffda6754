import { t } from "elysia";

/**
 * How many rows a page has: 1 to 100. It is a text with a pattern, because a minified executable does not check the bounds of
 * Elysia's numeric query types.
 */
export const PageRows = t.String({
  pattern: "^([1-9][0-9]?|100)$",
  default: "50",
  description: "rows of a page, 1 to 100",
});
