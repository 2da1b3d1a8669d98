// State in the address: the query has the view, job, moment and settings, so that a link shows the same page.

const listeners = new Set();
let values = read();

function read() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/** A query in which commas, semicolons and equals signs of values stay as they are. */
const readable = (parameters) => new URLSearchParams(parameters).toString().replace(/%(2C|3B|3D)/g, decodeURIComponent);

function write(patch, method) {
  const next = { ...values };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined || value === "") delete next[name];
    else next[name] = String(value);
  }
  const query = readable(next);
  const address = query ? `?${query}` : location.pathname;
  if (query === readable(values)) return;
  values = next;
  history[method](null, "", address);
  for (const listener of listeners) listener();
}

addEventListener("popstate", () => {
  values = read();
  for (const listener of listeners) listener(true);
});

export const state = {
  /** A parameter of the address, or the fallback. */
  get: (name, fallback = "") => values[name] ?? fallback,
  number: (name, fallback) => (values[name] !== undefined && Number.isFinite(+values[name]) ? +values[name] : fallback),
  list: (name) => (values[name] ? values[name].split(",").filter(Boolean) : []),
  /** Identifies the view, so that a late response can check that the user is still there. */
  viewKey: () => `${values.view ?? ""} ${values.path ?? ""} ${values.step ?? ""} ${values.sweep ?? ""}`,
  /** Change parameters in a new history entry. */
  push: (patch) => write(patch, "pushState"),
  /** Change parameters in the current history entry. */
  replace: (patch) => write(patch, "replaceState"),
  /** Call `listener` after each change, with `true` after back or forward. */
  listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Whether the address hides this part of the page. */
  isHidden: (name) => state.list("hide").includes(name),
};
