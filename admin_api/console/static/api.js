// Calls of the admin API, and its live events.

const csrfToken = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export class ApiError extends Error {
  // `problem` is the answer's problem+json; `status` is 0 where the server was not reached.
  constructor(status, problem) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

// Call an endpoint. -> the parsed answer. Raises ApiError. A session that is over leads to the sign-in.
export async function call(method, path, body) {
  const headers = csrfToken ? { "X-CSRF-Token": csrfToken } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, { detail: "The server was not reached." });
  }
  if (answer.status === 401) {
    location.assign(`/console/sign-in?next=${encodeURIComponent(location.pathname)}`);
    return new Promise(() => {});
  }
  const read = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
  if (!answer.ok) throw new ApiError(answer.status, read);
  return read;
}

export const get = (path) => call("GET", path);
