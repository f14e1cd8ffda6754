import { createInterface } from "node:readline/promises";
import { type Plan, unconfirmed } from "./plan.ts";

/**
 * Requires that each grave change is confirmed: by an option that names it, or by typing the installation's name on a
 * terminal. It changes nothing itself.
 *
 * @throws Error when a grave change is not confirmed
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

/** Whether a person can be asked: standard input and standard error are a terminal. */
export function isTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks the question on standard error. Returns whether the person typed exactly `word`. */
export async function isTyped(word: string, question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    return (await Promise.race([lines.question(`${question} `), closed])).trim() === word;
  } finally {
    lines.close();
  }
}
