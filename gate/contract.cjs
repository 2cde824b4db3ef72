// @ts-check
/**
 * What the program and the gate function say to each other, for both sides: the program's TypeScript imports it, and it lies
 * beside `index.mjs` in the function's archive. CommonJS, since the program is; its types are in its comments, since Lambda runs
 * it as it is.
 */

/**
 * Waits until a host's boot script has succeeded.
 * @typedef {object} BootEvent
 * @property {"boot"} kind
 * @property {string} label the host in the words of an error message
 * @property {string} bucket of the boot reports, in the function's region
 * @property {string} roleId unique id of the host's role
 * @property {string} instanceId
 * @property {string} region of the instance
 * @property {string | undefined} [applied] wait as well until the newest report tells that the host has applied this
 */

/**
 * Gives a group the size of the one that serves, and waits until that many of its hosts can take over.
 * @typedef {object} CutOverEvent
 * @property {"cutOver"} kind
 * @property {string} label the fleet in the words of an error message
 * @property {string} bucket of the boot reports, in the function's region
 * @property {string} roleId unique id of the hosts' role
 * @property {string} groupName
 * @property {string} tier value of the {@link tierTag} that the old and the new group share
 * @property {string} targetGroupArn
 * @property {number} minSize
 * @property {number} maxSize
 */

/** @typedef {BootEvent | CutOverEvent} GateEvent */

/**
 * How a boot script ended, as `userdata/lib.sh` writes it. A host may write a newer one at any time; only the newest counts.
 * @typedef {object} BootReport
 * @property {string} instanceId
 * @property {string} script file in `userdata/`, without its ending
 * @property {boolean} succeeded
 * @property {string} step the last one that the script began
 * @property {string} message why it failed; empty if it did not
 * @property {string} logTail
 * @property {string} bootId differs between two boots of one host
 * @property {string} finishedAt when the report was written, in ISO 8601
 * @property {boolean} [ready] of a web host: whether its /readyz answered 200 when it was last asked
 * @property {string} [readiness] what /readyz answered
 * @property {string} [applied] of a host that applies something on its own: the version that is in force
 * @property {{ version: string, message: string }} [applyError] the version that could not be applied, and why
 */

/** Tag of every auto scaling group of a web tier: by it the gate finds the groups, and the service its own. */
exports.tierTag = "django-on-ec2:tier";

/** How long one invocation may take, in seconds: Lambda's longest. It is all the time that a wait has. */
exports.functionSeconds = 900;

/** What the function keeps of it, in seconds, to clean up and to say what it was waiting for. */
exports.reserveSeconds = 30;

/**
 * The `aws:userid` of a host's credentials.
 * @param {string} roleId unique id of the host's role
 * @param {string} instanceId
 */
exports.userIdOf = (roleId, instanceId) => `${roleId}:${instanceId}`;

/**
 * Key of a host's boot report. With the policy variable `${aws:userid}` in place of the id it is the one key that a policy
 * lets each host write.
 * @param {string} userId see {@link userIdOf}
 */
exports.bootReportKey = (userId) => `boot/${userId}.json`;
