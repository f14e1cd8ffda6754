import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Snapshot } from "./api.ts";

const height_px = 150;
/** Steps of the axes: epochs and uids are whole numbers. */
const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/** A chart of the last epochs: how many uids earned, and how many challenges failed. */
export function EpochChart({ epochs }: Pick<Snapshot, "epochs">) {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const rising = epochs.toReversed();
  const data: uPlot.AlignedData = [
    rising.map(({ epoch }) => epoch),
    rising.map(({ uid_count }) => uid_count),
    rising.map(({ failed_count }) => failed_count),
  ];

  useEffect(() => {
    if (!holder.current) return;
    const axis = {
      stroke: "#8a93a6",
      grid: { stroke: "rgba(138,147,166,.18)" },
      ticks: { show: false },
      incrs: wholeSteps,
    };
    const made = new uPlot(
      {
        width: holder.current.clientWidth,
        height: height_px,
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.15)] } },
        axes: [axis, { ...axis, size: 36 }],
        series: [
          { label: "epoch" },
          { label: "uids", stroke: "#5b8cff", width: 2, fill: "rgba(91,140,255,.12)" },
          { label: "failed", stroke: "#f0616d", width: 2 },
        ],
        legend: { live: false },
      },
      data,
      holder.current,
    );
    chart.current = made;
    const follow = new ResizeObserver(([entry]) => {
      if (entry) made.setSize({ width: entry.contentRect.width, height: height_px });
    });
    follow.observe(holder.current);
    return () => {
      follow.disconnect();
      made.destroy();
    };
  }, []);

  useEffect(() => chart.current?.setData(data), [epochs]);
  return <div class="chart" ref={holder} />;
}
