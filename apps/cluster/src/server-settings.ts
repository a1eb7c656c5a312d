/** What the environment says to one server. */
export interface ServerSettings {
  /** From 1 on; each server has its own. */
  readonly number: number;
  readonly framework: string;
  readonly host: string;
  readonly port: number;
  /** With it the broker is Redis. */
  readonly redisUrl: string | undefined;
  /** Without Redis: the folder of the mesh. */
  readonly meshFolder: string | undefined;
  readonly trustProxy: number | undefined;
  readonly allowedHosts: readonly string[] | undefined;
}

/** @throws Error that names the variable, what it is and what would be right. */
export function readServerSettings(env: NodeJS.ProcessEnv, frameworks: readonly string[]): ServerSettings {
  const { SERVER_NUMBER = "1", FRAMEWORK = "express", HOST = "127.0.0.1", REDIS_URL, MESH_FOLDER, ALLOWED_HOSTS } = env;
  if (!frameworks.includes(FRAMEWORK)) throw new Error(`FRAMEWORK is "${FRAMEWORK}"; give one of ${frameworks.join(", ")}`);
  return {
    number: wholeNumber("SERVER_NUMBER", SERVER_NUMBER, 99),
    framework: FRAMEWORK,
    host: HOST,
    port: wholeNumber("PORT", env["PORT"] ?? "8080", 65_535),
    redisUrl: REDIS_URL || undefined,
    meshFolder: MESH_FOLDER || undefined,
    trustProxy: wholeNumber("TRUST_PROXY", env["TRUST_PROXY"] ?? "0", 9) || undefined,
    allowedHosts: ALLOWED_HOSTS ? ALLOWED_HOSTS.split(",") : undefined,
  };
}

function wholeNumber(name: string, text: string, highest: number): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number <= highest) return number;
  throw new Error(`${name} is "${text}"; give a whole number from 0 to ${highest}`);
}
