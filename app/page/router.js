/** Addresses of the views: `#/tasks?done=false`. */

/** @typedef {{ name: string, parameters: URLSearchParams }} Place */

/** @returns {Place} */
export function here() {
  const [name = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { name, parameters: new URLSearchParams(query) };
}

/**
 * The address of a view; empty parameters are left out.
 * @param {string} name
 * @param {Record<string, string>} [parameters]
 */
export function address(name, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  const query = new URLSearchParams(given).toString();
  return `#/${name}${query && `?${query}`}`;
}

/**
 * @param {string} name
 * @param {Record<string, string>} [parameters]
 */
export function go(name, parameters) {
  location.hash = address(name, parameters);
}

/**
 * As `go`, without a step for the back button: for what changes with each key.
 * @param {string} name
 * @param {Record<string, string>} parameters
 */
export function replace(name, parameters) {
  history.replaceState(null, "", address(name, parameters));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
