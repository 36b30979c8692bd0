// Calls of the admin API. Gives: call(method, path, body), get(path), query({…}) "?a=1&b=2", segment(text) for a path, ApiError.

const csrfToken = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export class ApiError extends Error {
  // `message` is a sentence for people; `problem` is the answer's problem+json; `status` is 0 where the server was not reached.
  constructor(status, problem) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

// Call an endpoint. -> the parsed answer. Raises ApiError. A session that is over leads to the sign-in.
export async function call(method, path, body, { headers = {} } = {}) {
  const sent = { ...headers, ...authorization() };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, { detail: "The server was not reached." });
  }
  if (answer.status === 401) return leaveForSignIn();
  const read = await parse(answer);
  if (!answer.ok) throw new ApiError(answer.status, read);
  return read;
}

async function parse(answer) {
  if (!answer.headers.get("Content-Type")?.includes("json")) return {};
  try {
    return await answer.json();
  } catch {
    throw new ApiError(0, { detail: "The server's answer broke off." });
  }
}

export const get = (path) => call("GET", path);

// Headers that a change by cookie needs.
export const authorization = () => (csrfToken ? { "X-CSRF-Token": csrfToken } : {});

// Go to the sign-in, and never return: the page is about to be left.
export function leaveForSignIn() {
  location.assign(`/console/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  return new Promise(() => {});
}

// Make "?a=1&b=2" of those parameters that say something, or "".
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

// Make a part of a path of any text, a room's name or a network: `/rooms/${segment("a/b")}`.
export const segment = (text) => encodeURIComponent(text);
