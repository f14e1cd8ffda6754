import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BrokerConfig } from "../../../roles/broker/config.ts";
import { stateRules } from "../../../roles/broker/job/states.ts";

const readme = readFileSync(join(import.meta.dir, "../../../roles/broker/README.md"), "utf8");

function rowsUnder(heading: string): string[][] {
  const lines = readme.split(`${heading}\n`)[1]?.split("\n") ?? [];
  const first = lines.findIndex((line) => line.startsWith("|"));
  const rows = lines.slice(
    first,
    lines.findIndex((line, at) => at > first && !line.startsWith("|")),
  );
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function lasting(setting: (typeof stateRules)[keyof typeof stateRules]["lasts"]): string {
  if (setting === "timeout_seconds") return "its `timeout_seconds`";
  const minutes = BrokerConfig.properties[setting].default / 60_000;
  return `${minutes} min (\`${setting}\`)`;
}

test("the README's table of states and deadlines is what decisions go by", () => {
  expect(rowsUnder("## States")).toEqual(
    Object.entries(stateRules).map(([state, { means, lasts, overdue }]) => [
      `\`${state}\``,
      means,
      lasting(lasts),
      overdue ? `\`${overdue.state}\`, \`${overdue.reason}\`` : "the outcome that it carries",
    ]),
  );
});
