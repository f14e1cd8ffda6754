import type { ComponentChildren } from "preact";
import type { Snapshot } from "./api.ts";
import { EpochChart } from "./epoch-chart.tsx";

const percent = (share: number) => `${(share * 100).toFixed(2)} %`;

function ago(time: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1_000));
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`;
}

function Panel({ title, note, children }: { title: string; note?: string; children: ComponentChildren }) {
  return (
    <section>
      <h2>
        {title}
        {note && <span class="muted"> {note}</span>}
      </h2>
      {children}
    </section>
  );
}

const Empty = ({ children }: { children: string }) => <p class="muted">{children}</p>;

export function Tiles({ snapshot: { status } }: { snapshot: Snapshot }) {
  const { challenges, jobs, last_epoch } = status;
  const tiles: [string, string, string][] = [
    [
      "Challenges ready",
      `${challenges.ready} / ${challenges.active}`,
      `${challenges.draft} draft, ${challenges.inactive} inactive`,
    ],
    ["Emission given", `${status.emission_percent_active} %`, "to active challenges"],
    ["Jobs", String(Object.values(jobs).reduce((total, count) => total + count, 0)), "of all states"],
    ["Nodes ready", String(status.nodes_ready), "of the Swarm"],
    [
      "Epoch",
      last_epoch ? String(last_epoch.epoch) : "none",
      last_epoch ? `sealed ${ago(last_epoch.computed_at)}` : "sealed yet",
    ],
  ];
  return (
    <div class="tiles">
      {tiles.map(([name, value, note]) => (
        <div class="tile" key={name}>
          <span class="muted">{name}</span>
          <strong>{value}</strong>
          <span class="muted">{note}</span>
        </div>
      ))}
    </div>
  );
}

export function ChallengeTable({ challenges }: Pick<Snapshot, "challenges">) {
  return (
    <Panel title="Challenges">
      {challenges.length === 0 && <Empty>There is none yet.</Empty>}
      {challenges.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>Name</th>
              <th>State</th>
              <th class="number">Emission</th>
              <th>Image</th>
            </tr>
          </thead>
          <tbody>
            {challenges.map(({ slug, spec, status, readiness }) => {
              const state = status !== "active" ? status : readiness?.ready ? "ready" : "not ready";
              return (
                <tr key={slug}>
                  <td>
                    {spec.name} <code>{slug}</code>
                  </td>
                  <td>
                    <span class={`badge ${state.replace(" ", "-")}`}>{state}</span>
                    {status === "active" && readiness?.reason && <span class="muted"> {readiness.reason}</span>}
                  </td>
                  <td class="number">{spec.emission_percent} %</td>
                  <td>
                    <code>{spec.image}</code>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

export function WeightPanel({ vector, problem }: { vector: Snapshot["vector"]; problem: string | null }) {
  if (!vector) return <Panel title="Weights">{<Empty>{problem ?? "There are none."}</Empty>}</Panel>;
  const burnt = vector.weights[vector.uids.indexOf(0)] ?? 0;
  const earned = Object.entries(vector.hotkey_weights).sort(([, a], [, b]) => b - a);
  const rows: [string, number][] = [
    ...(burnt > 0 ? [["burnt", burnt] as [string, number]] : []),
    ...earned.slice(0, 20),
  ];
  const largest = Math.max(...rows.map(([, weight]) => weight));
  return (
    <Panel
      title="Weights"
      note={`epoch ${vector.epoch}, served until ${new Date(vector.expires_at).toLocaleTimeString()}`}
    >
      <table>
        <tbody>
          {rows.map(([holder, weight]) => (
            <tr key={holder}>
              <td>
                <code title={holder}>{holder.length > 14 ? `${holder.slice(0, 12)}…` : holder}</code>
              </td>
              <td class="wide">
                <progress max={largest} value={weight} />
              </td>
              <td class="number">{percent(weight)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

export function EpochPanel({ epochs }: Pick<Snapshot, "epochs">) {
  return (
    <Panel title="Last epochs">
      {epochs.length > 1 && <EpochChart epochs={epochs} />}
      {epochs.length === 0 && <Empty>None was sealed yet.</Empty>}
      <table>
        <tbody>
          {epochs.slice(0, 5).map((epoch) => (
            <tr key={epoch.epoch}>
              <td class="number">{epoch.epoch}</td>
              <td>{ago(epoch.computed_at)}</td>
              <td>{epoch.uid_count} uids</td>
              <td>
                {epoch.failed_count > 0
                  ? `${epoch.failed_count} of ${epoch.challenge_count} did not answer`
                  : `${epoch.challenge_count} answered`}
              </td>
              <td>
                <code>{epoch.digest.slice(0, 10)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

export function JobTable({ jobs }: Pick<Snapshot, "jobs">) {
  return (
    <Panel title="Jobs">
      {jobs.length === 0 && <Empty>None yet.</Empty>}
      <table>
        <tbody>
          {jobs.map(({ challenge, state, count }) => (
            <tr key={`${challenge} ${state}`}>
              <td>
                <code>{challenge}</code>
              </td>
              <td>{state}</td>
              <td class="number">{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

export function NodeTable({ nodes }: Pick<Snapshot, "nodes">) {
  return (
    <Panel title="Nodes">
      {nodes.length === 0 && <Empty>The supervisor has reported none.</Empty>}
      <table>
        <tbody>
          {nodes.map((node) => (
            <tr key={node.id}>
              <td>{node.hostname}</td>
              <td>{node.workload ?? "manager"}</td>
              <td>
                <span class={`badge ${node.state === "ready" ? "ready" : "not-ready"}`}>{node.state}</span>{" "}
                {node.availability}
              </td>
              <td class="muted">seen {ago(node.seen_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
