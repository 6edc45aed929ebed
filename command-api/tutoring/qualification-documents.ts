import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { command } from '#domain/kernel/command.ts';
import { addQualifications, DOCUMENT_MAX_BYTES, documentPrefix } from '#domain/tutoring/qualification-portfolio.ts';
import { FileStore } from '#infra/adapters/s3/file-store.ts';

/** The types of document and how their files end. */
const ENDINGS = { 'application/pdf': 'pdf', 'image/jpeg': 'jpg', 'image/png': 'png' } as const;
const UPLOAD_WITHIN_SECONDS = 15 * 60;

export const wantedUpload = z.object({ contentType: z.enum(Object.keys(ENDINGS) as [keyof typeof ENDINGS, ...(keyof typeof ENDINGS)[]]) });
export const uploadForm = z.object({
  key: z.string().describe('Name it as `documentKey` when the qualification is added.'),
  url: z.string().describe('Post the fields there, and the file last as `file`, as multipart/form-data.'),
  fields: z.record(z.string(), z.string()),
});
const { qualifications } = addQualifications.data.shape;
export const newQualifications = z.object({
  qualifications: z
    .array(qualifications.element.omit({ document: true }))
    .min(1)
    .max(30),
});

/** Documents of qualifications in the file store. */
@Injectable()
export class QualificationDocuments {
  constructor(@Inject(FileStore) private readonly files: FileStore) {}

  /** A form for one upload; the store itself holds to type and size. */
  async uploadForm(tutorId: string, contentType: keyof typeof ENDINGS, documentId: string): Promise<z.output<typeof uploadForm>> {
    const key = `${documentPrefix(tutorId)}${documentId}.${ENDINGS[contentType]}`;
    return { key, ...(await this.files.uploadForm({ key, contentType, maxBytes: DOCUMENT_MAX_BYTES, seconds: UPLOAD_WITHIN_SECONDS })) };
  }

  /** The command that adds qualifications, with what the store says of each document: the client's word does not count. */
  async adding(tutorId: string, added: z.output<typeof newQualifications>['qualifications']) {
    const measured = await Promise.all(
      added.map(async (one) => {
        // Whether the key is the tutor's own is the domain's rule; nothing is asked of the store about keys of others.
        if (one.documentKey === undefined || !one.documentKey.startsWith(documentPrefix(tutorId))) return one;
        const stored = await this.files.head(one.documentKey);
        const document = stored === undefined ? null : { key: one.documentKey, contentType: stored.contentType, sizeBytes: stored.size };
        return { ...one, document };
      }),
    );
    return command(addQualifications, { tutorId, qualifications: measured });
  }
}
