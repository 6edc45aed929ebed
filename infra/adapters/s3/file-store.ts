import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NotFound,
  S3Client,
} from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { callAws, clientSettings } from '../aws-errors.ts';
import type { AwsOptions } from '../aws-errors.ts';

/** What a browser needs to upload one file: post the fields, and the file last, as a form. */
export interface UploadForm {
  url: string;
  fields: Record<string, string>;
}

/** What is known of a stored file. */
export interface StoredFile {
  /** Bytes. */
  size: number;
  contentType: string;
  etag: string;
}

/** The files of the product in one bucket. Every call throws `UpstreamRefused` or `UpstreamUnsure`. */
export class FileStore {
  private readonly client: S3Client;
  private readonly bucket: string;

  constructor(options: AwsOptions & { bucket: string }) {
    // A stand-in has one host: the bucket stands in the path there.
    this.client = new S3Client({ ...clientSettings(options), forcePathStyle: options.endpoint !== undefined });
    this.bucket = options.bucket;
  }

  /** A form for the upload of one file of exactly this key and type, of 1 to `maxBytes` bytes, within `seconds`. */
  uploadForm(options: { key: string; contentType: string; maxBytes: number; seconds: number }): Promise<UploadForm> {
    const { key, contentType, maxBytes, seconds } = options;
    return callAws('s3', () =>
      createPresignedPost(this.client, {
        Bucket: this.bucket,
        Key: key,
        Expires: seconds,
        Fields: { 'Content-Type': contentType },
        Conditions: [
          ['content-length-range', 1, maxBytes],
          ['eq', '$Content-Type', contentType],
        ],
      }),
    );
  }

  /** An address that downloads the file for so many seconds; with a file name, as an attachment of that name. */
  downloadUrl(key: string, seconds: number, fileName?: string): Promise<string> {
    const disposition =
      fileName === undefined ? {} : { ResponseContentDisposition: `attachment; filename*=UTF-8''${encodeURIComponent(fileName)}` };
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: key, ...disposition });
    return callAws('s3', () => getSignedUrl(this.client, command, { expiresIn: seconds }));
  }

  /** What is stored under a key, or undefined. */
  async head(key: string): Promise<StoredFile | undefined> {
    return callAws('s3', async () => {
      try {
        const found = await this.client.send(new HeadObjectCommand({ Bucket: this.bucket, Key: key }));
        return { size: found.ContentLength ?? 0, contentType: found.ContentType ?? '', etag: found.ETag ?? '' };
      } catch (error) {
        if (error instanceof NotFound) return undefined;
        throw error;
      }
    });
  }

  /** Removes a file; one that is not there is removed already. */
  async delete(key: string): Promise<void> {
    await callAws('s3', () => this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key })));
  }

  /** The keys that begin with a prefix. */
  async list(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.bucket,
        Prefix: prefix,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await callAws('s3', () => this.client.send(command));
      keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys;
  }

  /** Copies a file within the bucket. */
  async copy(from: string, to: string): Promise<void> {
    const source = `${this.bucket}/${from.split('/').map(encodeURIComponent).join('/')}`;
    await callAws('s3', () => this.client.send(new CopyObjectCommand({ Bucket: this.bucket, Key: to, CopySource: source })));
  }

  close(): void {
    this.client.destroy();
  }
}
