// The address is the state: view, job, moment and settings stand in its query, so a link shows what its sender saw.

const listeners = new Set();
let values = read();

function read() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

function write(patch, method) {
  const next = { ...values };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined || value === "") delete next[name];
    else next[name] = String(value);
  }
  const query = new URLSearchParams(next).toString().replaceAll("%2C", ",");
  const address = query ? `?${query}` : location.pathname;
  if (query === new URLSearchParams(values).toString().replaceAll("%2C", ",")) return;
  values = next;
  history[method](null, "", address);
  for (const listener of listeners) listener();
}

addEventListener("popstate", () => {
  values = read();
  for (const listener of listeners) listener(true);
});

export const state = {
  /** What the address says of `name`, or the fallback. */
  get: (name, fallback = "") => values[name] ?? fallback,
  number: (name, fallback) => (values[name] !== undefined && Number.isFinite(+values[name]) ? +values[name] : fallback),
  list: (name) => (values[name] ? values[name].split(",").filter(Boolean) : []),
  /** Where one is, but for what is shown there: who waits for an answer asks whether the reader still is. */
  place: () => `${values.view ?? ""} ${values.step ?? ""} ${values.sweep ?? ""}`,
  /** Go somewhere else: "back" leads here again. */
  go: (patch) => write(patch, "pushState"),
  /** Say more precisely where one is. */
  adjust: (patch) => write(patch, "replaceState"),
  /** Be told of each change; `listener(true)` when it came from back or forward. */
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Whether a teacher's link hides this part of the page. */
  hidden: (name) => state.list("hide").includes(name),
};
