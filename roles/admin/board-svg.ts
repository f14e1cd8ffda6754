import type { Challenge } from "#shared/schemas/challenge.ts";

const row_px = 34;
const width_px = 720;
const name_chars_max = 40;

/** The challenges as an SVG picture for other people's pages (contract §5). A record's content becomes text only, never markup. */
export function boardSvg(challenges: readonly Challenge[]): string {
  const height = 64 + Math.max(1, challenges.length) * row_px;
  const rows = challenges.length > 0 ? challenges.map(row) : [text([24, 84], "No challenges yet.", "#8a93a6")];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width_px}" height="${height}" viewBox="0 0 ${width_px} ${height}" font-family="system-ui, sans-serif" font-size="14">
<rect width="${width_px}" height="${height}" rx="12" fill="#11151d"/>
${text([24, 36], "Challenges", "#ffffff", 'font-size="18" font-weight="600"')}
${rows.join("\n")}
</svg>
`;
}

function row({ spec, status, readiness }: Challenge, index: number): string {
  const y = 56 + index * row_px;
  const [state, color] = stateOf(status, readiness?.ready);
  const bar_px = Math.round(spec.emission_percent * 1.4);
  return [
    `<circle cx="32" cy="${y + 16}" r="5" fill="${color}"/>`,
    text([48, y + 21], shorten(spec.name), "#e8ecf4"),
    text([380, y + 21], state, color),
    `<rect x="470" y="${y + 9}" width="140" height="14" rx="7" fill="#222a38"/>`,
    `<rect x="470" y="${y + 9}" width="${bar_px}" height="14" rx="7" fill="#5b8cff"/>`,
    text([624, y + 21], `${spec.emission_percent} %`, "#aab3c5"),
  ].join("\n");
}

function stateOf(status: Challenge["status"], isReady: boolean | undefined): readonly [string, string] {
  if (status !== "active") return [status, "#8a93a6"];
  return isReady ? ["active", "#3ecf8e"] : ["starting", "#f5b14c"];
}

function text([x, y]: readonly [number, number], content: string, fill: string, more = ""): string {
  return `<text x="${x}" y="${y}" fill="${fill}" ${more}>${escapeText(content)}</text>`;
}

function shorten(name: string): string {
  const characters = [...name];
  return characters.length > name_chars_max ? `${characters.slice(0, name_chars_max - 1).join("")}…` : name;
}

/** XML 1.0 text: markup is escaped, characters that XML cannot hold are replaced. */
function escapeText(content: string): string {
  return content
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
