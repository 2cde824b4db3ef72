import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Account in which Debian publishes its images. */
const debianAccount = "136693071363";

/** Processor architecture, as Debian and the AWS API name it. */
export type Architecture = "amd64" | "arm64";

/** The architecture of one of Debian's images, by its exact name; undefined if that is no name of a Debian 13 image. */
export function architectureOf(debianImage: string): Architecture | undefined {
  return /^debian-13-(amd64|arm64)-\d{8}-\d+$/.exec(debianImage)?.[1] as Architecture | undefined;
}

/** The architecture of an instance type: AWS's own processors have a g after the generation, as in t4g. */
export function architectureOfInstance(instanceType: string): Architecture {
  return /^(a1|[a-z]+\d+g[a-z]*)\./.test(instanceType) ? "arm64" : "amd64";
}

/**
 * The id of an image in the parent's region. The exact name: a newer image is the operator's decision. One that Debian does not
 * publish there is refused in the words of the setting that names it.
 */
export function debianImageId(
  debianImage: string,
  setting: string,
  parent: pulumi.Resource,
): pulumi.Output<string> {
  const found = aws.ec2.getAmiIdsOutput(
    {
      owners: [debianAccount],
      filters: [{ name: "name", values: [debianImage] }],
      // AWS hides every public image after two years; a host that runs one is not to be replaced for that.
      includeDeprecated: true,
    },
    { parent },
  );
  return found.ids.apply(([id]) => {
    if (id !== undefined) return id;
    throw new pulumi.ResourceError(
      `${setting} is ${debianImage}, which Debian does not publish in this region: set it to a name from https://wiki.debian.org/Cloud/AmazonEC2Image/Trixie.`,
      parent,
      true,
    );
  });
}
