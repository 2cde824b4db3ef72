import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Handler, Handlers, Invokes, Properties, ResourceRequest } from "../engine/handler";
import type { LaunchOptions, TemplateData } from "./instances";
import { type InstanceType, instanceType } from "./instanceTypes";
import type { Inventory } from "./inventory";
import { copyBlockDevice, createBlockDevice, deleteBlockDevice, growBlockDevice } from "../machine/volumes";
import { arn, physicalName, resourceId } from "./naming";
import {
  flagOr,
  nested,
  nestedList,
  numberOr,
  optionalText,
  text,
  textList,
  textMap,
} from "../engine/properties";

/** User data, which may be compressed, out of base64. */
const decode = (base64: string) => Buffer.from(base64, "base64");

/** What an instance is started from. The name for people is its Name tag, else the resource's name. */
function launchOptions({ inputs, name }: ResourceRequest): LaunchOptions {
  const encoded = optionalText(inputs, "userDataBase64");
  const isPublic = inputs["associatePublicIpAddress"];
  return {
    label: textMap(inputs, "tags")["Name"] ?? name,
    imageId: text(inputs, "ami"),
    instanceType: text(inputs, "instanceType"),
    subnetId: text(inputs, "subnetId"),
    groupIds: textList(inputs, "vpcSecurityGroupIds"),
    userData: encoded === undefined ? Buffer.from(optionalText(inputs, "userData") ?? "") : decode(encoded),
    profile: optionalText(inputs, "iamInstanceProfile"),
    requiresToken: optionalText(nested(inputs, "metadataOptions"), "httpTokens") === "required",
    hasPublicAddress: typeof isPublic === "boolean" ? isPublic : undefined,
    privateIp: optionalText(inputs, "privateIp"),
  };
}

function templateData(inputs: Properties): TemplateData {
  const [card] = nestedList(inputs, "networkInterfaces");
  const isPublic = card?.["associatePublicIpAddress"];
  return {
    imageId: text(inputs, "imageId"),
    instanceType: text(inputs, "instanceType"),
    groupIds: card ? textList(card, "securityGroups") : textList(inputs, "vpcSecurityGroupIds"),
    userData: decode(optionalText(inputs, "userData") ?? ""),
    profile: optionalText(nested(inputs, "iamInstanceProfile"), "name"),
    requiresToken: optionalText(nested(inputs, "metadataOptions"), "httpTokens") === "required",
    hasPublicAddress: isPublic === undefined ? undefined : isPublic === true || isPublic === "true",
  };
}

/** What a launch template has beside its versions: changing it makes no new one. */
const besideVersions = new Set([
  ...["arn", "region", "tags", "tagsAll"],
  ...["defaultVersion", "latestVersion", "updateDefaultVersion"],
]);

/** Hosts, images, volumes and launch templates. */
export function computeHandlers(inventory: Inventory): Handlers {
  const { instances, images, volumes, snapshots, launchTemplates } = inventory;
  const findInstance = (id: string) => inventory.find("instance", instances, id);
  /** An instance that is not on its way out: EC2 tells of a terminated one for a while, and so it counts as gone. */
  const there = (id: string) => {
    const found = instances.get(id);
    return found?.isEnding === false ? found : undefined;
  };
  const instanceOutputs = (id: string): Properties => {
    const { privateIp, publicIp, placement, isRunning } = findInstance(id);
    const { region, zone } = placement;
    return {
      arn: arn("ec2", region, `instance/${id}`),
      privateIp,
      publicIp: publicIp ?? "",
      privateDns: `ip-${privateIp.replaceAll(".", "-")}.${region}.compute.internal`,
      availabilityZone: zone,
      instanceState: isRunning ? "running" : "stopped",
    };
  };

  const instance: Handler = {
    async create(request) {
      const { id } = await instances.launch(launchOptions(request));
      return { id, outputs: instanceOutputs(id) };
    },
    read: (id) => Promise.resolve(there(id) && { id, outputs: instanceOutputs(id) }),
    async update(id, _state, request) {
      await findInstance(id).change(launchOptions(request));
      return { id, outputs: instanceOutputs(id) };
    },
    async delete(id, state) {
      const isKept = flagOr(state, "disableApiTermination", false) && !flagOr(state, "forceDestroy", false);
      if (isKept && instances.get(id))
        throw new Error(
          `OperationNotPermitted: instance ${id} may not be terminated: disableApiTermination is on`,
        );
      await instances.terminate(id);
    },
  };

  const instanceState: Handler = {
    async create({ inputs }) {
      const id = text(inputs, "instanceId");
      await findInstance(id).setPower(text(inputs, "state") === "running");
      return { id, outputs: {} };
    },
    read: (id) =>
      Promise.resolve(there(id) && { id, outputs: { state: instanceOutputs(id)["instanceState"] } }),
    async update(id, _state, { inputs }) {
      await findInstance(id).setPower(text(inputs, "state") === "running");
      return { id, outputs: {} };
    },
    delete: () => Promise.resolve(),
  };

  const image: Handler = {
    async create(request) {
      const id = resourceId("ami");
      const source = findInstance(text(request.inputs, "sourceInstanceId"));
      images.set(id, await source.copyDisk(inventory.imageFolder(id)));
      return {
        id,
        outputs: {
          arn: arn("ec2", request.region, `image/${id}`),
          name: physicalName(request, 128),
          architecture: "x86_64",
          rootDeviceName: "/dev/xvda",
          rootSnapshotId: resourceId("snap"),
        },
      };
    },
    read: (id, state) => Promise.resolve(images.has(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    delete: (id) => inventory.deleteImage(id),
  };

  /** Instances by the id of the volume that they have; one that is terminated lets go of its volumes. */
  const holders = new Map<string, string>();
  const holderOf = (volumeId: string) => {
    const holder = holders.get(volumeId);
    return holder !== undefined && instances.get(holder) ? holder : undefined;
  };
  const checkDetached = (volumeId: string) => {
    const holder = holderOf(volumeId);
    if (holder !== undefined)
      throw new Error(`VolumeInUse: ${volumeId} is attached to ${holder}: detach it first`);
  };

  const volume: Handler = {
    async create({ inputs, region }) {
      const id = resourceId("vol");
      volumes.set(id, await createBlockDevice(inventory.state, id, numberOr(inputs, "size", 8)));
      return { id, outputs: { arn: arn("ec2", region, `volume/${id}`) } };
    },
    read: (id, state) => Promise.resolve(volumes.has(id) ? { id, outputs: state } : undefined),
    async update(id, state, { inputs }) {
      const [before, after] = [numberOr(state, "size", 8), numberOr(inputs, "size", 8)];
      if (after < before) throw new Error(`volume ${id} of ${before} GiB cannot shrink to ${after} GiB`);
      if (after > before) await growBlockDevice(inventory.find("volume", volumes, id), after);
      return { id, outputs: {} };
    },
    async delete(id) {
      checkDetached(id);
      const device = volumes.get(id);
      if (device) await deleteBlockDevice(device);
      volumes.delete(id);
    },
  };

  const snapshot: Handler = {
    async create({ inputs, region }) {
      const id = resourceId("snap");
      const file = join(inventory.state.folder("snapshots"), `${id}.img`);
      await copyBlockDevice(inventory.find("volume", volumes, text(inputs, "volumeId")), file);
      snapshots.set(id, file);
      const volumeSize = statSync(file).size / 2 ** 30;
      return { id, outputs: { arn: arn("ec2", region, `snapshot/${id}`), volumeSize, encrypted: true } };
    },
    read: (id, state) => Promise.resolve(snapshots.has(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    delete(id) {
      const file = snapshots.get(id);
      if (file !== undefined) rmSync(file, { force: true });
      snapshots.delete(id);
      return Promise.resolve();
    },
  };

  /** The name under which EC2's Nitro hosts show a volume. */
  const deviceName = (volumeId: string) => `nvme-Amazon_Elastic_Block_Store_${volumeId.replace("-", "")}`;
  const attachment: Handler = {
    async create({ inputs }) {
      const [volumeId, instanceId] = [text(inputs, "volumeId"), text(inputs, "instanceId")];
      const { device } = inventory.find("volume", volumes, volumeId);
      checkDetached(volumeId);
      await findInstance(instanceId).attachDevice(deviceName(volumeId), device);
      holders.set(volumeId, instanceId);
      return { id: resourceId("vai"), outputs: {} };
    },
    read: (id, state) => {
      const isThere =
        there(text(state, "instanceId")) && holderOf(text(state, "volumeId")) === state["instanceId"];
      return Promise.resolve(isThere ? { id, outputs: state } : undefined);
    },
    update: (id) => Promise.resolve({ id, outputs: {} }),
    async delete(_id, state) {
      const [volumeId, instanceId] = [text(state, "volumeId"), text(state, "instanceId")];
      if (holderOf(volumeId) !== instanceId) return;
      const attached = there(instanceId);
      if (flagOr(state, "stopInstanceBeforeDetaching", false)) await attached?.setPower(false);
      await attached?.detachDevice(deviceName(volumeId));
      holders.delete(volumeId);
    },
  };

  const templateOutputs = (id: string): Properties => {
    const latestVersion = inventory.find("launch template", launchTemplates, id).length;
    return { latestVersion, defaultVersion: latestVersion };
  };
  const launchTemplate: Handler = {
    create(request) {
      const id = resourceId("lt");
      launchTemplates.set(id, [templateData(request.inputs)]);
      const outputs = {
        arn: arn("ec2", request.region, `launch-template/${id}`),
        name: physicalName(request, 128),
        ...templateOutputs(id),
      };
      return Promise.resolve({ id, outputs });
    },
    read: (id) => Promise.resolve(launchTemplates.has(id) ? { id, outputs: templateOutputs(id) } : undefined),
    update(id, state, { inputs }) {
      const isNewVersion = Object.keys({ ...state, ...inputs }).some(
        (key) => !besideVersions.has(key) && !isDeepStrictEqual(inputs[key], state[key]),
      );
      if (isNewVersion) inventory.find("launch template", launchTemplates, id).push(templateData(inputs));
      return Promise.resolve({ id, outputs: templateOutputs(id) });
    },
    delete(id) {
      launchTemplates.delete(id);
      return Promise.resolve();
    },
  };

  return {
    "aws:ec2/instance:Instance": instance,
    "aws:ec2transitgateway/instanceState:InstanceState": instanceState,
    "aws:ec2/amiFromInstance:AmiFromInstance": image,
    "aws:ebs/volume:Volume": volume,
    "aws:ebs/snapshot:Snapshot": snapshot,
    "aws:ec2/volumeAttachment:VolumeAttachment": attachment,
    "aws:ec2/launchTemplate:LaunchTemplate": launchTemplate,
  };
}

function typeNamed(name: string): InstanceType {
  const known = instanceType(name);
  if (!known) throw new Error(`the local region knows the t, c, m and r instance types, not ${name}`);
  return known;
}

/** Data sources about images and instance types. */
export function computeInvokes(inventory: Pick<Inventory, "imageNamed">): Invokes {
  return {
    "aws:ec2/getAmiIds:getAmiIds": async (inputs) => {
      const filter = nestedList(inputs, "filters").find(({ name }) => name === "name");
      const [name = ""] = filter ? textList(filter, "values") : [];
      if (!name.startsWith("debian-13-amd64-"))
        throw new Error(`the local region has images named debian-13-amd64-… only, not "${name}"`);
      return { ids: [inventory.imageNamed(name)] };
    },
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": async (inputs) => {
      const instanceTypes = nestedList(inputs, "filters").flatMap((filter) => textList(filter, "values"));
      instanceTypes.forEach(typeNamed);
      return { instanceTypes };
    },
    "aws:ec2/getInstanceType:getInstanceType": async (inputs) => {
      const name = text(inputs, "instanceType");
      const known = typeNamed(name);
      return {
        id: name,
        instanceType: name,
        memorySize: known.memoryMiB,
        defaultVcpus: known.vcpus,
        hypervisor: "nitro",
        supportedArchitectures: [known.architecture],
      };
    },
  };
}
