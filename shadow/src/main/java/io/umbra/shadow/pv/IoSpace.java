package io.umbra.shadow.pv;

/** Machine frames that are no memory: which a domain may map, and how. Xen: {@code iomem_caps}, {@code mmio_ro_ranges}. */
public interface IoSpace {
    boolean mayMap(long mfn);

    /** A writable mapping becomes a read-only one. */
    boolean isReadOnly(long mfn);

    /** The domain has a device, and so may choose how its mappings are cached. */
    boolean mayChooseCaching();

    /** No devices. */
    IoSpace NONE = new IoSpace() {
        @Override
        public boolean mayMap(long mfn) {
            return false;
        }

        @Override
        public boolean isReadOnly(long mfn) {
            return false;
        }

        @Override
        public boolean mayChooseCaching() {
            return false;
        }
    };
}
