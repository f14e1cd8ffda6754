import { SubmissionFault } from "../sdk/submission-fault.ts";
import { collatzSteps } from "./collatz-cases.ts";

export const predictions_bytes_max = 65_536;

/** The share of right answers in `text`. Line i answers case i with a decimal number; further lines are ignored. */
export function scorePredictions(text: string, cases: readonly number[]) {
  const lines = text.split("\n").slice(0, cases.length);
  const answered = lines.filter((line) => line.trim() !== "").length;
  if (answered === 0) throw new SubmissionFault("no_predictions", "the program printed nothing");
  const right = cases.filter(
    (n, i) => /^\d{1,9}$/.test(lines[i]?.trim() ?? "") && Number(lines[i]) === collatzSteps(n),
  );
  return { score: right.length / cases.length, answered, right: right.length };
}
