import type { DemoReport, Shown } from "./demo.ts";
import { samples } from "./miners.ts";

/** Describes the demonstration's outcome as text for a person. */
export function describeDemo(report: DemoReport): string {
  const { urls, admin_token_file, seconds } = report;
  return [
    "",
    ...("left_out" in report ? [`  No demonstration: ${report.left_out}.`] : outcome(report)),
    "",
    `  proxy      ${urls.proxy}`,
    `  admin      ${urls.admin}   (token in ${admin_token_file})`,
    `  API docs   ${urls.docs}`,
    `  took       ${seconds} s`,
    "",
  ].join("\n");
}

function outcome({ miners, epoch, chain }: Shown): string[] {
  const byUid = new Map(chain.weights);
  const rows = miners.map(({ hotkey, uid, score }, index) =>
    [
      (samples[index] ?? "").padEnd(18),
      hotkey,
      String(uid).padStart(4),
      score.toFixed(4).padStart(8),
      String(byUid.get(uid) ?? 0).padStart(8),
    ].join("  "),
  );
  return [
    `  ${"program".padEnd(18)}  ${"hotkey".padEnd(48)}  ${" uid"}  ${"   score"}  ${"on chain"}`,
    ...rows.map((row) => `  ${row}`),
    "",
    `  epoch ${epoch}; weights of subnet ${chain.netuid} on ${chain.endpoint}: ${JSON.stringify(chain.weights)}`,
    "  This node takes CPU jobs; a job that asks for a GPU waits for a GPU worker.",
  ];
}
