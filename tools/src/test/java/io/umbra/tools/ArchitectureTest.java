package io.umbra.tools;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The arrows between the modules: they point down only, in the code and in the module descriptors. */
class ArchitectureTest {

    /** Each module, with the modules below it: all that it may know. */
    private static final Map<String, Set<String>> BELOW = Map.of(
            "x86", Set.of(),
            "shadow", Set.of("x86"),
            "processor", Set.of("x86"),
            "vmm", Set.of("shadow", "processor", "x86"),
            "tools", Set.of("vmm", "shadow", "processor", "x86"));

    private static final JavaClasses UMBRA = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.umbra");

    static Set<String> modules() {
        return BELOW.keySet();
    }

    @ParameterizedTest
    @MethodSource("modules")
    void codeOfAModuleKnowsOnlyTheModulesBelowIt(String module) {
        var known = Stream.concat(Stream.of(module), BELOW.get(module).stream())
                .map(name -> "io.umbra." + name + "..")
                .toArray(String[]::new);
        var unknown = resideInAPackage("io.umbra..").and(DescribedPredicate.not(resideInAnyPackage(known)));

        noClasses()
                .that()
                .resideInAPackage("io.umbra." + module + "..")
                .should()
                .dependOnClassesThat(unknown)
                .check(UMBRA);
    }

    @ParameterizedTest
    @MethodSource("modules")
    void descriptorOfAModuleRequiresOnlyTheModulesBelowIt(String module) throws IOException {
        var below = BELOW.get(module).stream().map(name -> "io.umbra." + name).collect(toSet());

        assertThat(requiredBy(module))
                .filteredOn(name -> name.startsWith("io.umbra."))
                .isSubsetOf(below);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x86", "shadow"})
    void codeOfALibraryModuleNeedsNothingButJavaBase(String module) {
        classes()
                .that()
                .resideInAPackage("io.umbra." + module + "..")
                .should()
                .onlyDependOnClassesThat(inJavaBase().or(resideInAnyPackage("io.umbra..", "org.jspecify.annotations")))
                .check(UMBRA);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x86", "shadow"})
    void descriptorOfALibraryModuleNeedsNothingButJavaBaseAtRunTime(String module) throws IOException {
        assertThat(requiredBy(module))
                .filteredOn(name -> !name.startsWith("io.umbra."))
                .containsExactly("java.base");
    }

    @Test
    void everyModuleIsSeenByTheseTests() throws IOException {
        assertThat(descriptors())
                .containsOnlyKeys(
                        modules().stream().map(name -> "io.umbra." + name).toList());
        assertThat(modules())
                .allSatisfy(module ->
                        assertThat(UMBRA.containPackage("io.umbra." + module)).isTrue());
    }

    private static DescribedPredicate<JavaClass> inJavaBase() {
        var packages = Object.class.getModule().getPackages();
        return DescribedPredicate.describe("are of java.base", type -> packages.contains(type.getPackageName()));
    }

    /** The names of the modules that a module needs at run time, by its descriptor. */
    private static Set<String> requiredBy(String module) throws IOException {
        return descriptors().get("io.umbra." + module).requires().stream()
                .filter(requires -> !requires.modifiers().contains(Requires.Modifier.STATIC))
                .map(Requires::name)
                .collect(toSet());
    }

    /** Descriptors of the project's modules on the class path, by name. */
    private static Map<String, ModuleDescriptor> descriptors() throws IOException {
        var loader = ArchitectureTest.class.getClassLoader();
        var found = Stream.<ModuleDescriptor>builder();
        for (var url : Collections.list(loader.getResources("module-info.class"))) {
            try (var in = url.openStream()) {
                found.add(ModuleDescriptor.read(in));
            }
        }
        return found.build()
                .filter(descriptor -> descriptor.name().startsWith("io.umbra."))
                .collect(toMap(ModuleDescriptor::name, Function.identity()));
    }
}
