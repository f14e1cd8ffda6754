import { createInterface } from "node:readline/promises";
import { type Plan, unconfirmed } from "./plan.ts";

/**
 * Sees to it that somebody confirmed each grave change: by naming it in an option, or on a terminal by typing the
 * installation's name.
 *
 * @throws Error when nobody did; nothing was changed then
 */
export async function confirmChanges(plan: Plan, named: readonly string[]): Promise<void> {
  const open = unconfirmed(plan, named);
  if (open.length === 0) return;
  const names = open.map(({ what }) => what).join(",");
  if (!isTerminal())
    throw new Error(`nothing was changed: there is no terminal to ask. To confirm it say --confirm-change ${names}`);
  if (!(await isTyped(plan.installation.name, `  Type the installation's name (${plan.installation.name}) to do it:`)))
    throw new Error("nothing was changed: the name that was typed is not the installation's");
}

/** Whether somebody is there to be asked. */
export function isTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks on standard error and answers whether exactly `word` was typed. */
export async function isTyped(word: string, question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    return (await Promise.race([lines.question(`${question} `), closed])).trim() === word;
  } finally {
    lines.close();
  }
}
