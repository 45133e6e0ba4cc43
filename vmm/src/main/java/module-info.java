/** Domains, virtual processors, devices and loaders: where shadows and processor meet. */
module io.umbra.vmm {
    requires transitive io.umbra.shadow;
    requires transitive io.umbra.processor;
    requires aircompressor.v3;
    requires org.apache.commons.compress;
    requires org.tukaani.xz;
    requires static org.jspecify;

    exports io.umbra.vmm;
    exports io.umbra.vmm.device;
    exports io.umbra.vmm.loader;
    exports io.umbra.vmm.pv;
    exports io.umbra.vmm.state;
}
