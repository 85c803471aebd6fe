import MLX

/// A layer or model: a tree of parameters and of further modules, found by reflection over the properties that are wrapped
/// in `@ParameterInfo` and `@ModuleInfo`. Paths such as `layers.0.self_attn.q_proj.weight` mirror the checkpoint's keys.
///
/// mlx-swift's `Module` nests its dictionaries; here paths are flat, which is what checkpoints hold.
open class Module {
    public init() {}

    private func wrapped() -> [(label: String, value: Any)] {
        var found: [(String, Any)] = [], mirror: Mirror? = Mirror(reflecting: self), chain: [Mirror] = []
        while let m = mirror {
            chain.append(m)
            mirror = m.superclassMirror
        }
        for m in chain.reversed() {
            for child in m.children {
                guard let label = child.label else { continue }
                found.append((label.hasPrefix("_") ? String(label.dropFirst()) : label, child.value))
            }
        }
        return found
    }

    /// All parameters with their paths, in the order of declaration.
    open func namedParameters() -> [(path: String, parameter: any AnyParameterInfo)] {
        var found: [(String, any AnyParameterInfo)] = []
        for (label, value) in wrapped() {
            if let parameter = value as? any AnyParameterInfo {
                if parameter.array != nil { found.append((parameter.key ?? label, parameter)) }
            } else if let modules = value as? any AnyModuleInfo {
                for (suffix, module) in modules.modules {
                    let prefix = (modules.key ?? label) + suffix
                    found += module.namedParameters().map { (prefix + "." + $0.path, $0.parameter) }
                }
            }
        }
        return found
    }

    /// All modules below this one with their paths.
    public func namedModules() -> [(path: String, module: Module)] {
        wrapped().flatMap { label, value -> [(String, Module)] in
            guard let modules = value as? any AnyModuleInfo else { return [] }
            return modules.modules.flatMap { suffix, module -> [(String, Module)] in
                let path = (modules.key ?? label) + suffix
                return [(path, module)] + module.namedModules().map { (path + "." + $0.path, $0.module) }
            }
        }
    }

    public func parameters() -> [String: MLXArray] {
        Dictionary(
            namedParameters().compactMap { p in p.parameter.array.map { (p.path, $0) } },
            uniquingKeysWith: { a, _ in a })
    }
    public func trainableParameters() -> [String: MLXArray] {
        Dictionary(
            namedParameters().filter(\.parameter.isTrainable).compactMap { p in p.parameter.array.map { (p.path, $0) }
            },
            uniquingKeysWith: { a, _ in a })
    }
    public func freeze() { namedParameters().forEach { $0.parameter.isTrainable = false } }
    /// A layer whose parameters cannot all be trained leaves the others frozen.
    open func unfreeze() {
        for (_, value) in wrapped() {
            (value as? any AnyParameterInfo)?.isTrainable = true
            (value as? any AnyModuleInfo)?.modules.forEach { $0.module.unfreeze() }
        }
    }

    /// Replaces parameters by path. Every path of the module must be given, with its shape; `values` may hold more.
    /// Throws a ``ModuleError`` that names the first missing or wrongly shaped one.
    public func update(parameters values: [String: MLXArray]) throws {
        for (path, parameter) in namedParameters() {
            guard let value = values[path] else { throw ModuleError("tensor \(path) is missing") }
            if let old = parameter.array, old.shape != value.shape {
                throw ModuleError("tensor \(path) has shape \(value.shape), expected \(old.shape)")
            }
            parameter.array = value
        }
    }

    /// Goes through the modules below this one and puts what `replacement` returns in a module's place; nil leaves it and goes
    /// on below it. One after another: nothing here keeps a module that has been replaced.
    package func replaceModules(below path: String = "", _ replacement: (String, Module) throws -> Module?) throws {
        for (label, value) in wrapped() {
            guard let modules = value as? any AnyModuleInfo else { continue }
            for i in modules.modules.indices {
                let (suffix, module) = modules.modules[i], path = path + (modules.key ?? label) + suffix
                guard let other = try replacement(path, module) else {
                    try module.replaceModules(below: path + ".", replacement)
                    continue
                }
                guard modules.replace(i, with: other) else {
                    throw ModuleError("\(path) is declared as a type that \(type(of: other)) is not")
                }
            }
        }
    }
}

/// A checkpoint that does not fit the module: which tensor, expected and found shape.
public struct ModuleError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// What a parameter's property may hold: an array, or perhaps one.
public protocol ParameterValue {
    var array: MLXArray? { get }
}
extension MLXArray: ParameterValue {
    public var array: MLXArray? { self }
}
extension Optional: ParameterValue where Wrapped == MLXArray {
    public var array: MLXArray? { self }
}

public protocol AnyParameterInfo: AnyObject {
    var key: String? { get }
    var array: MLXArray? { get set }
    var isTrainable: Bool { get set }
}

/// Marks a property as a parameter; `key` is its name in checkpoints where that differs from the property's.
@propertyWrapper
public final class ParameterInfo<Value: ParameterValue>: AnyParameterInfo {
    public let key: String?
    public var isTrainable = true
    private var stored: Value?
    public init(wrappedValue: Value) {
        stored = wrappedValue
        key = nil
    }
    /// The value follows in the module's `init`, as `_name.wrappedValue = ...`.
    public init(key: String) { self.key = key }
    public var wrappedValue: Value {
        get {
            guard let stored else { fatalError("parameter \(key ?? "") is used before its module's init has set it") }
            return stored
        }
        set { stored = newValue }
    }
    public var array: MLXArray? {
        get { stored?.array }
        set { if let value = newValue as? Value { stored = value } }
    }
}

public protocol AnyModuleInfo {
    var key: String? { get }
    /// With what follows the key in their paths: nothing, or `.0`, `.1`, ... for a list.
    var modules: [(suffix: String, module: Module)] { get }
    /// Puts another module in the place of `modules[index]`; false where the property's type does not allow it.
    func replace(_ index: Int, with module: Module) -> Bool
}

/// Marks a property as a module or a list of modules.
@propertyWrapper
public final class ModuleInfo<Value>: AnyModuleInfo {
    public let key: String?
    private var stored: Value?
    public init(wrappedValue: Value) {
        stored = wrappedValue
        key = nil
    }
    /// The value follows in the module's `init`, as `_name.wrappedValue = ...`.
    public init(key: String) { self.key = key }
    public var wrappedValue: Value {
        get {
            guard let stored else { fatalError("module \(key ?? "") is used before its parent's init has set it") }
            return stored
        }
        set { stored = newValue }
    }
    public var modules: [(suffix: String, module: Module)] {
        if let module = stored as? Module { return [("", module)] }
        if let list = stored as? [Module] { return list.enumerated().map { (".\($0)", $1) } }
        return []
    }
    public func replace(_ index: Int, with module: Module) -> Bool {
        var value: Any = module
        if var list = stored as? [Module] {
            list[index] = module
            value = list
        }
        guard let value = value as? Value else { return false }
        stored = value
        return true
    }
}
