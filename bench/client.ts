/** A user of the service, as benches need one. */
const password = "the password of the bench";

export interface User {
  readonly login: string;
  readonly password: string;
  readonly token: string;
}

async function ask(
  url: string,
  path: string,
  wanted: number,
  body: unknown,
  token?: string,
): Promise<unknown> {
  const headers = {
    "content-type": "application/json",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (answer.status !== wanted) throw new Error(`POST ${path}: HTTP ${answer.status}: ${text}`);
  return JSON.parse(text) as unknown;
}

/** Signs up and in, and has so many tasks. */
export async function newUser(url: string, login: string, tasks: number): Promise<User> {
  await ask(url, "/v1/signup", 201, { login, password });
  const { access } = (await ask(url, "/v1/signin", 200, { login, password })) as { access: string };
  for (let number = 1; number <= tasks; number++)
    await ask(url, "/v1/tasks", 201, { title: `task ${number}` }, access);
  return { login, password, token: access };
}
