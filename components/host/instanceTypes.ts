import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * What EC2 knows of an instance type in the parent's region. One that it does not know there is refused in the words of the
 * setting that names it.
 */
export function instanceTypeDetails(
  instanceType: string,
  setting: string,
  parent: pulumi.Resource,
): pulumi.Output<aws.ec2.GetInstanceTypeResult> {
  const offers = aws.ec2.getInstanceTypeOfferingsOutput(
    { locationType: "region", filters: [{ name: "instance-type", values: [instanceType] }] },
    { parent },
  );
  // A list that may be empty, asked first: the details of an unknown type end in an error of the provider.
  return offers.instanceTypes.apply((known) => {
    if (!known.includes(instanceType))
      throw new pulumi.ResourceError(
        `${setting} is ${instanceType}, which EC2 does not offer in this region: set it to another type, such as t3.small.`,
        parent,
        true,
      );
    return aws.ec2.getInstanceTypeOutput({ instanceType }, { parent });
  });
}
