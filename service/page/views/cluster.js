// Line about the Dask cluster that trains a sweep: its workers, those that it refuses, and why the sweep waits.

import { classes, html } from "../ui.js";
import { gap, t, whole } from "../words.js";

export function ClusterLine({ cluster }) {
  const of = (status) => cluster.workers.filter((worker) => worker.status === status);
  const trusted = of("trusted").length;
  const waits = cluster.connected ? !trusted && !of("checking").length : !cluster.fallback;
  const key = cluster.connected ? (trusted ? "trains" : waits ? "none" : "checking") : waits ? "lost" : "local";
  const reasons = [...new Set(of("refused").map((worker) => worker.reason))];
  return html`<div class="cluster caption">
    <p role="status"><span class=${classes(waits && "mistake")}>${t(`cluster.${key}`, { workers: whole(trusted), threads: whole(cluster.threads) })}</span>
      ${cluster.dashboard && html`${gap()}<a href=${cluster.dashboard} target="_blank" rel="noreferrer">${t("cluster.dashboard")}</a>`}</p>
    ${reasons.map((reason) => html`<p>${t("cluster.refused", { count: whole(of("refused").filter((worker) => worker.reason === reason).length), reason })}</p>`)}
  </div>`;
}
