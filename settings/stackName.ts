/** What can be wrong with the name of a stack, which is the start of the name of everything in it. */
import type { Check } from "./checks";

/** Load balancers and target groups have 32 characters, of which autonaming takes 8 and "-web" 4. */
export const longestStackName = 32 - 8 - "-web".length;

/** Starts of names that AWS refuses: the first for load balancers, the second for security groups, the others for buckets. */
const reservedStarts = ["internal-", "sg-", "xn--", "sthree-", "amzn-s3-demo-"];

/** The stack's private zone is `<stack>.internal`; in these two Amazon's own resolver names every host of a VPC. */
const reservedNames = ["ec2", "compute"];

export const stackName: Check<string> = (stack) => {
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(stack))
    return "use lower-case letters, digits and inner hyphens, as buckets and load balancers do";
  if (stack.length > longestStackName)
    return `use at most ${longestStackName} characters; AWS allows its load balancer no more`;
  // Names go on after the stack's with a hyphen.
  const start = reservedStarts.find((reserved) => `${stack}-`.startsWith(reserved));
  if (start !== undefined) return `AWS reserves names that start with ${start}; choose another`;
  return reservedNames.includes(stack)
    ? `the zone ${stack}.internal is Amazon's, and its hosts would lose their names; choose another`
    : undefined;
};
